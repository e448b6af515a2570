#!lua flags=allow-oom
-- Record how attempts ended: final results, attempts to repeat, jobs given back. A stale claim changes nothing.
-- With: past, groups, waiting
-- KEYS[1] hash    what the engine has claimed: nbq:claims:<engine>
-- KEYS[2] stream  events: nbq:events
-- KEYS[3] hash    jobs the engine is to stop: nbq:stops:<engine>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     how many ways to end follow
-- ARGV[3..] ...   per way 8 values: state it goes to, delay ms (-1: none, and from now on in the process lane), what is charged (try, crash, loss or none), ms to keep the result, and the call of one that failed (-1: for ever), error type, error line, stopped by, what the engine lacked for a job that it leaves to others (or empty); then per job 5: id, fence, number of its way, sealed result (\0parcel: it was sent ahead to nbq:parcel:<id>:<fence>), history record (json, or empty for none)
-- Returns: per job 1, or 0 where the claim was stale
-- Moves: running -> succeeded, running -> failed, running -> cancelled, running -> timed_out, running -> crashed, running -> scheduled, running -> queued
local prefix = ARGV[1]
local now = server_ms()
local charged = {['try'] = 'tries', crash = 'crashes', loss = 'losses'}
local first = 3 + 8 * tonumber(ARGV[2])
local asked = redis.call('EXISTS', KEYS[3]) == 1

local ways = {}
for at = 3, first - 1, 8 do
  ways[#ways + 1] = {state = ARGV[at], delay = tonumber(ARGV[at + 1]), charge = charged[ARGV[at + 2]], keep = ARGV[at + 3],
    error_type = ARGV[at + 4], error = ARGV[at + 5], stopped_by = ARGV[at + 6], lacked = ARGV[at + 7]}
end

-- what the claiming script wrote down of each job: `fence rank`, then facts that most jobs of a batch have in common
local parsed = {}
local function facts_of(text)
  if not parsed[text] then
    local tries, crashes, losses, marks, group, length, names = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (%S+) (%d+) (.*)$')
    local queue = names and string.sub(names, 1, tonumber(length))
    local function marked(letter) return string.find(marks, letter, 1, true) end
    parsed[text] = names and {tries = tonumber(tries), crashes = tonumber(crashes), losses = tonumber(losses), queue = queue,
      key = string.sub(names, #queue + 1), group = group ~= '-' and group or nil, stock = marked('s'), checkpoint = marked('c'),
      limited = marked('l'), hook = marked('h'), blobs = marked('b'), fields = {}}
  end
  return parsed[text]
end

local replies, ends, ids = {}, {}, {}
-- taken away together, before anything is written: a full server must be able to get emptier
local ended, keys, queued, unwanted = {}, {}, {}, {}
for at = first, #ARGV, 5 do ids[#ids + 1] = ARGV[at] end
local held = redis.call('HMGET', KEYS[1], unpack(ids))
local stops = asked and redis.call('HMGET', KEYS[3], unpack(ids)) or {}
-- for whose end others wait
local awaited = #ids > 0 and redis.call('EXISTS', prefix .. 'nbq:parents') == 1
  and redis.call('SMISMEMBER', prefix .. 'nbq:parents', unpack(ids)) or {}
local seen, limited, unrun = {}, {}, {}
for number, id in ipairs(ids) do
  local at = first + 5 * (number - 1)
  local fence, rank, text = string.match(held[number] or '', '^(%d+) (%d+) (.*)$')
  local facts = fence == ARGV[at + 1] and not seen[id] and facts_of(text)
  if not facts then
    replies[number] = 0
  else
    replies[number], seen[id] = 1, true
    local way = ways[tonumber(ARGV[at + 2])]
    local again = way.state == 'queued' or way.state == 'scheduled'
    local state = way.state
    -- a cancel that came while the attempt was ending: there is no next one
    local overruled = again and stops[number] == 'cancel'
    if overruled then again, state = false, 'cancelled' end
    ends[#ends + 1] = {at = at, state = state, way = way, facts = facts, again = again, rank = rank,
      overruled = overruled, awaited = awaited[number] == 1}
    ended[#ended + 1] = id
    if facts.limited then limited[#limited + 1], unrun[id] = id, again and not way.charge end
    regroup(facts.group, 'running', state)
    keys[#keys + 1] = prefix .. 'arq:in-progress:' .. id
    if not again then
      note_fault(facts.group, id, state)
      if state == 'succeeded' or facts.stock then
        keys[#keys + 1] = prefix .. 'arq:job:' .. id
        if facts.blobs then let_blobs_go(prefix, id, blobs_of(prefix, id), 0) end
      else keep_call(prefix, id, overruled and CALL_MS or way.keep == '-1' and RECORD_MS or tonumber(way.keep)) end
      if facts.checkpoint and state == 'succeeded' then keys[#keys + 1] = prefix .. 'nbq:checkpoint:' .. id
      elseif facts.checkpoint then keep_checkpoint(prefix, id) end
      if facts.stock then
        keys[#keys + 1] = prefix .. 'arq:retry:' .. id
        unwanted[#unwanted + 1] = id
      end
      local leaving = queued[facts.key] or {}
      queued[facts.key] = leaving
      leaving[#leaving + 1] = id
    end
  end
end
if #ended > 0 then
  if asked then redis.call('HDEL', KEYS[3], unpack(ended)) end
  redis.call('DEL', unpack(keys))
end
if #unwanted > 0 then redis.call('ZREM', prefix .. 'arq:abort', unpack(unwanted)) end
for queue_key, leaving in pairs(queued) do redis.call('ZREM', queue_key, unpack(leaving)) end

local function fields_of(ending)
  -- what is written into the record; the same table for ends of the same way out of the same facts
  local way, facts = ending.way, ending.facts
  local kept = facts.fields[way]
  if kept and not ending.again and ending.state == way.state then return kept end
  local fields = {'state', ending.state}
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if way.charge then add(way.charge, facts[way.charge] + 1) end
  if way.error_type ~= '' then
    add('error_type', way.error_type)
    add('error', way.error)
  end
  if not ending.again then
    add('finished', now)
    if way.stopped_by ~= '' then add('stopped_by', way.stopped_by) end
    if ending.state == way.state then facts.fields[way] = fields end
  end
  return fields
end

local function wait_again(id, ending, fields)
  local way, facts, scheduled, rank = ending.way, ending.facts, ending.state == 'scheduled', ending.rank
  local due = now + math.max(way.delay, 0)
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  -- what was given back was due before
  if scheduled or way.charge then add('due', due) end
  if way.lacked ~= '' then add('lacked', way.lacked) end
  if scheduled then add('reason', 'retrying') end
  if way.delay < 0 and tonumber(rank) < PROCESS_RANK then
    rank = tonumber(rank) + PROCESS_RANK
    add('rank', rank)
  end
  redis.call('ZADD', facts.key, scheduled and due or rank, id)
  call_workers(prefix .. 'nbq:wake:' .. facts.queue)
end

local function kept_ms(ending)
  -- a result that others wait for outlives what was asked for
  local keep = ending.way.keep
  return ending.awaited and keep ~= '-1' and string.format('%.0f', math.max(tonumber(keep), PARENT_MS)) or keep
end

local function keep_result(id, fence, keep, sealed)
  local result = prefix .. 'arq:result:' .. id
  if sealed == '\0parcel' then
    redis.pcall('RENAME', prefix .. 'nbq:parcel:' .. id .. ':' .. fence, result)
    if keep == '-1' then redis.call('PERSIST', result) else redis.call('PEXPIRE', result, keep) end
  elseif keep == '-1' then redis.call('SET', result, sealed)
  else redis.call('SET', result, sealed, 'PXAT', now + keep) end
end

local function line_of_cancel(id, record, facts)
  local found = redis.call('HMGET', record, 'function', 'label', 'group', 'priority', 'submitted', 'tags', 'parent', 'retry_of')
  return cjson.encode({job = id, attempt = facts.tries + facts.crashes + facts.losses + 1, state = 'cancelled',
    queue = facts.queue, ['function'] = found[1] or '', label = found[2] or found[1] or '', group = found[3] or '',
    priority = tonumber(found[4]) or 0, submitted = tonumber(found[5]), tags = tags_of(found[6]), parent = found[7] or nil,
    retry_of = found[8] or nil, stopped_by = 'cancel'})
end

local function outlives(ending)
  -- how long a record stays at least: as long as its result
  local keep = kept_ms(ending)
  return keep == '-1' and LONG_MS or tonumber(keep) + DAY_MS
end

local function cancelled(line)
  -- of an attempt that was to be followed by another, and is not: an engine writes the state before anything of the user's
  return (string.gsub(line, '"state":"retried"', '"state":"cancelled","stopped_by":"cancel"', 1))
end

local changes, counted, told, returned = {}, {}, nil, {}
for _, ending in ipairs(ends) do
  local at, way, facts = ending.at, ending.way, ending.facts
  local id, fence, sealed, line = ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 4]
  local record = prefix .. 'nbq:job:' .. id
  local fields = fields_of(ending)
  if ending.again then
    wait_again(id, ending, fields)
    if not way.charge then returned[#returned + 1] = record end
  else
    local keep = kept_ms(ending)
    if sealed ~= '' and keep ~= '0' then
      keep_result(id, fence, keep, sealed)
      if #sealed <= TOLD_BYTES and sealed ~= '\0parcel' then told = sealed end
    end
    local tally = counted[facts.queue] or {}
    counted[facts.queue] = tally
    tally[ending.state] = (tally[ending.state] or 0) + 1
    if ending.awaited then settle_later(prefix, id, ending.state) end
    if facts.hook then leave_word(prefix, id, true, now) end
  end
  local added = redis.pcall('HSET', record, unpack(fields))
  if type(added) == 'table' then
    -- something else stands where the record was
    redis.call('DEL', record)
    added = redis.call('HSET', record, unpack(fields))
  end
  if added == #fields / 2 then redis.call('HSET', record, 'queue', facts.queue, 'fence', fence, 'rank', ending.rank) end
  if not ending.again then redis.call('PEXPIREAT', record, now + math.max(record_ms(prefix, facts.queue), outlives(ending))) end
  if ending.overruled then line = line ~= '' and cancelled(line) or line_of_cancel(id, record, facts) end
  if line ~= '' then note(facts.queue, line) end
  changes[#changes + 1] = id .. ' ' .. ending.state .. ' ' .. fence
end
-- where something above went wrong each end is recorded again by itself; what follows cannot go wrong
if #ended > 0 then redis.call('HDEL', KEYS[1], unpack(ended)) end
if #limited > 0 then give_tokens_back(prefix, string.sub(KEYS[1], #(prefix .. 'nbq:claims:') + 1), limited, unrun) end
-- what was given back counts as never started; the tokens above are found by when it was
for _, record in ipairs(returned) do redis.call('HDEL', record, 'started', 'engine') end
for queue, tally in pairs(counted) do
  for state, number in pairs(tally) do count_ended(prefix, queue, state, number, now) end
end
write_groups(prefix)
remember(prefix)
tell(KEYS[2], changes, told)
return replies
