#!lua
-- Give an engine up to as many ready jobs as it has room for; waiting jobs that are due become ready first.
-- With: past, groups, waiting, gates
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- KEYS[2] hash    what the engine has claimed: nbq:claims:<engine>
-- KEYS[3] zset    leases of the engines: nbq:leases
-- KEYS[4] set     paused queues: nbq:paused
-- KEYS[5] stream  events: nbq:events
-- KEYS[6] string  submission counter: nbq:sequence
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    queue name
-- ARGV[3] text    engine id
-- ARGV[4] int     room for jobs of the event loop
-- ARGV[5] int     room for jobs that need a process
-- ARGV[6] int     1 where stock arq clients submit: an id that ended may come again
-- ARGV[7] text    what the engine has of resources: name=amount, with commas between
-- ARGV[8] json    what the engine lacks of what jobs of the queue need, and leaves to others: {"name:<function>", "py:<version>",
--                 "key:<id>" or "code": ids of engines that have it}; empty: nothing
-- Returns: {now ms, next due ms or 0, {{id, `fence tries crashes losses submitted due adopted lane needs group` (adopted: 1 where no submit script of ours wrote it; needs: - for none), submission (empty: it is large, and read apart) or nil}, ...}, looked at in the loop's lane, in the process lane, 1 where jobs wait for others}; now is 0 when the engine's lease is gone
-- Moves: scheduled -> queued, queued -> running, scheduled -> expired, queued -> expired
local prefix, queue, engine, stock = ARGV[1], ARGV[2], ARGV[3], ARGV[6] == '1'
local room_in_loop, room_in_process = tonumber(ARGV[4]), tonumber(ARGV[5])
local now = server_ms()
if not redis.call('ZSCORE', KEYS[3], engine) then return {0, 0, {}, 0, 0, 0} end
look_at_gates(prefix, queue, engine, now, ARGV[7], ARGV[8])

local function read(record, ...)
  local found = redis.pcall('HMGET', record, ...)
  if not found.err then return found end
  redis.call('DEL', record)
  return redis.call('HMGET', record, ...)
end

local function count(text)
  return whole(text) and tonumber(text) or 0
end

local function stray(id, home)
  -- in the queue by mistake or malice: an id that no client makes, or the id of a job of another queue
  if #id == 0 or #id > 512 or string.find(id, '%c') then
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    note(queue, cjson.encode({job = string.sub(id, 1, 60), attempt = 0, state = 'failed', queue = queue,
      error_type = 'TamperedPayload', error = 'No client makes such an id; it was dropped.'}))
  elseif stock or not home or home == queue then
    return false
  end
  redis.call('ZREM', KEYS[1], id)
  return true
end

local function repeated(id, state)
  -- an id that ended and came again: ours never do; a stock client's may, a tick of arq's cron not within its guard
  return is_final(state) and (not stock or redis.call('EXISTS', prefix .. 'nbq:tick:' .. id) == 1)
end

local elsewhere, tried = {}, {}
local function look(ids)
  -- which jobs a stock worker runs, or ran as ticks of arq's cron within the last minute; how often stock workers tried them
  if not stock or #ids == 0 then return end
  local names = {}
  for _, id in ipairs(ids) do
    names[#names + 1], names[#names + 2] = prefix .. 'arq:in-progress:' .. id, prefix .. 'arq:retry:' .. id
  end
  local found = redis.call('MGET', unpack(names))
  for i, id in ipairs(ids) do elsewhere[id], tried[id] = found[2 * i - 1], tonumber(found[2 * i] or 0) end
end

local reserved, sequence = 0, 0
local function next_rank(wanted)
  if reserved == 0 then reserved, sequence = wanted, redis.call('INCRBY', KEYS[6], wanted) - wanted end
  reserved, sequence = reserved - 1, sequence + 1
  return 99 * RANKS_A_PRIORITY + sequence % RANKS_A_PRIORITY
end

local function adopt(id, known, fence, due, wanted)
  -- a job that no submit script of ours wrote: a stock arq client's, or one put in by hand
  local rank, record = next_rank(wanted), prefix .. 'nbq:job:' .. id
  if known then redis.call('DEL', record) end
  local fields = {'state', 'queued', 'queue', queue, 'key', KEYS[1], 'fence', fence or 0, 'rank', rank, 'submitted', now,
    'due', due, 'tries', tried[id] or 0}
  if stock then fields[#fields + 1], fields[#fields + 2] = 'stock', '1' end
  redis.call('HSET', record, unpack(fields))
  return rank
end

local function ready(id, due, wanted)
  -- make a job that is due ready; false where it stays as it is
  local found = read(prefix .. 'nbq:job:' .. id, 'state', 'rank', 'fence', 'queue', 'group')
  local known = found[1] or found[2] or found[3] or found[4]
  if not whole(found[2]) then found[1] = false end
  if stray(id, found[4]) then return true end
  if repeated(id, found[1]) then
    redis.call('ZREM', KEYS[1], id)
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    return true
  end
  if found[1] == 'running' then return true, CLAIMED_SCORE end
  if found[1] and not is_final(found[1]) then
    if found[1] == 'scheduled' then regroup(found[5], 'scheduled', 'queued') end
    redis.call('HSET', prefix .. 'nbq:job:' .. id, 'state', 'queued')
    redis.call('HDEL', prefix .. 'nbq:job:' .. id, 'reason')
    return true, found[2]
  end
  if elsewhere[id] then return false end
  return true, adopt(id, known, found[3], math.floor(due), wanted)
end

local function make_due_ready()
  local passed, stay = 0, 0
  repeat
    local due = redis.call('ZRANGEBYSCORE', KEYS[1], READY_LIMIT, now, 'WITHSCORES', 'LIMIT', passed, 200)
    local ids, ranks = {}, {}
    stay = 0
    for i = 1, #due, 2 do ids[#ids + 1] = due[i] end
    look(ids)
    for i, id in ipairs(ids) do
      local moved, rank = ready(id, due[2 * i], #ids - i + 1)
      if rank then ranks[#ranks + 1], ranks[#ranks + 2] = rank, id end
      if not moved then stay = stay + 1 end
    end
    if #ranks > 0 then redis.call('ZADD', KEYS[1], unpack(ranks)) end
    passed = passed + stay
    -- only where jobs run elsewhere does the next page have to be looked at too
  until stay < 100 or passed >= 1000
end

local claimed, changes, expired = {}, {}, {}
local lane, needy = '0', false
-- written together at the end: what the engine holds, scores, marks for stock clients; and whose submissions to read
local held, scores, marks, submissions = {}, {}, {}, {}
-- what only few jobs have: those that were claimed before, and those whose submit said that there is more
local RARE = {'tries', 'crashes', 'losses', 'due', 'expires', 'large', 'needs', 'hook', 'group', 'limits', 'lacked', 'blobs'}
local nothing = {}
local names = ' ' .. #queue .. ' ' .. queue .. KEYS[1]
local marks_of_all = stock and 's' or '-'

local function named(group)
  return group and string.find(group, '^[%w][%w._@+=-]*$') and group or '-'
end

-- facts of jobs that come for the first time and with nothing special, by their group: most of a claim have the same
local untried, untried_limited = {}, {}
local function first_facts(group, is_limited)
  local known, key = is_limited and untried_limited or untried, group or ''
  if not known[key] then known[key] = ' 0 0 0 ' .. marks_of_all .. (is_limited and 'l' or '') .. ' ' .. named(group) .. names end
  return known[key]
end

local function claim(id, record, job, rest, is_limited)
  local fence, charged, facts = '1', ' 0 0 0 ', nil
  if rest == nothing then
    facts = first_facts(job.group, is_limited)
  else
    fence = string.format('%d', count(job.fence) + 1)
    charged = string.format(' %d %d %d ', count(rest.tries), count(rest.crashes), count(rest.losses))
    -- an attempt before may have left a checkpoint
    facts = charged .. marks_of_all .. (fence ~= '1' and 'c' or '') .. (is_limited and 'l' or '')
      .. (rest.hook and 'h' or '') .. (rest.blobs and 'b' or '') .. ' ' .. named(job.group) .. names
  end
  redis.call('HSET', record, 'state', 'running', 'fence', fence, 'engine', engine, 'started', now)
  if rest.expires then redis.pcall('ZREM', prefix .. 'nbq:expiring', id) end
  if job.group then regroup(job.group, 'queued', 'running') end
  held[#held + 1], held[#held + 2] = id, fence .. ' ' .. job.rank .. facts
  scores[#scores + 1], scores[#scores + 2] = CLAIMED_SCORE, id
  marks[#marks + 1], marks[#marks + 2] = prefix .. 'arq:in-progress:' .. id, '1'
  submissions[#submissions + 1] = prefix .. (rest.large and 'nbq:parcel:' or 'arq:job:' .. id)
  changes[#changes + 1] = id .. ' running ' .. fence
  local about = fence .. charged .. job.submitted .. ' ' .. (rest.due or job.submitted) .. (job['function'] and ' 0 ' or ' 1 ')
    .. lane .. ' ' .. (rest.needs or '-') .. ' ' .. (job.group or '')
  claimed[#claimed + 1] = {id, about, rest.large and '' or false}
end

local function pass_or_park(id, record, job, rest)
  local closed, reason, till = nil, false, nil
  if gate.any or job.limits or rest.needs then
    closed, reason, till = gate_before(id, job, rest.needs)
  end
  if closed then
    hold_back(id, record, closed, job.rank, reason, till)
    needy = needy or till == NEEDS_SCORE
  else
    claim(id, record, job, rest, reason)
  end
end

-- what is read of each job; one table for all, as they come one after another
local job = {}
local function more_of(record, fence, more)
  -- its group and limits, which the submit wrote down in one word, or everything that is not usual
  job.group, job.limits, job.lacked = nil, nil, nil
  if not (fence or more) then return nothing end
  local group, limits = string.match(not fence and more or '', '^0([^\n]*)\n(.*)$')
  if group then
    job.group, job.limits = group ~= '' and group or nil, limits ~= '' and limits or nil
    return nothing
  end
  local rest = read_fields(record, RARE)
  job.group, job.limits, job.lacked = rest.group, rest.limits, rest.lacked
  return rest
end

local function consider(id)
  -- claim a job that is ready, or put it where it belongs; false where a stock worker runs it: its score is not ours then
  local record = prefix .. 'nbq:job:' .. id
  local found = read(record, 'state', 'fence', 'rank', 'submitted', 'queue', 'function', 'more')
  job.state, job.fence, job.rank, job.submitted, job['function'] = found[1], found[2], found[3], found[4], found[6]
  local rest = more_of(record, found[2], found[7])
  if not (whole(job.rank) and whole(job.submitted) and (not rest.due or whole(rest.due))) then job.state = false end
  if stray(id, found[5]) then return true end
  if repeated(id, job.state) then
    redis.call('ZREM', KEYS[1], id)
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    return true
  end
  if job.state == 'running' then
    -- a stock client that aborts a running job takes it for a deferred one, and moves it to the front
    redis.call('ZADD', KEYS[1], CLAIMED_SCORE, id)
    return true
  end
  if elsewhere[id] then
    -- whatever becomes of it, our record of it does not stay for ever
    if job.state then redis.call('PEXPIREAT', record, now + RECORD_MS) end
    return false
  end
  if not job.state or is_final(job.state) then
    job.state, job.rank, job.submitted = 'queued', tostring(adopt(id, true, job.fence, now, 1)), tostring(now)
    job['function'], job.group, job.limits, job.lacked = false, nil, nil, nil
    rest = (tried[id] or job.fence) and {tries = string.format('%.0f', tried[id] or 0)} or nothing
  end
  if whole(rest.expires) and not job.fence and now > tonumber(job.submitted) + tonumber(rest.expires) then
    end_waiting(prefix, id, read_fields(record, WAITING), {state = 'expired'}, now, expired)
  else
    pass_or_park(id, record, job, rest)
  end
  return true
end

local function write_scores()
  if #scores > 0 then redis.call('ZADD', KEYS[1], unpack(scores)) end
  scores = {}
end

local function take(low, high, room)
  -- claim as many as there is room for; those that leave the queue otherwise (held back, expired) take none
  local before, passed, gone = #claimed, 0, 0
  repeat
    local left = room - (#claimed - before)
    if left <= 0 then break end
    write_scores()
    open_gates(KEYS[1], low, high, passed, left)
    local stay, had = 0, #claimed
    local ids = redis.call('ZRANGEBYSCORE', KEYS[1], low, high, 'LIMIT', passed, left)
    look(ids)
    for _, id in ipairs(ids) do
      if not consider(id) then stay = stay + 1 end
    end
    move_held_back(KEYS[1])
    local went = #ids - stay - (#claimed - had)
    passed, gone = passed + stay, gone + went
    -- there may be more, for another call
    if gone >= 500 then return room end
  until (stay == 0 and went == 0) or passed >= 1000
  return #claimed - before
end

make_due_ready()
local in_loop, in_process = 0, 0
if redis.call('SISMEMBER', KEYS[4], queue) == 0 then
  in_loop = take('-inf', '(' .. PROCESS_RANK, room_in_loop)
  lane = '1'
  in_process = take(PROCESS_RANK, '(' .. READY_LIMIT, room_in_process)
end
if #claimed > 0 then
  write_scores()
  redis.call('HSET', KEYS[2], unpack(held))
  redis.call('MSET', unpack(marks))
  for i, submission in ipairs(redis.call('MGET', unpack(submissions))) do claimed[i][3] = claimed[i][3] or submission end
end
take_tokens()
if needy then call_who_offers() end
call_who_has()
write_groups(prefix)
tell(KEYS[5], changes)
tell(KEYS[5], expired)
remember(prefix)
local coming = redis.call('ZRANGEBYSCORE', KEYS[1], stock and '(' .. now or READY_LIMIT, '(' .. CLAIMED_SCORE, 'WITHSCORES', 'LIMIT', 0, 1)[2]
local opening = close_gates()
if opening and (not coming or tonumber(opening) < tonumber(coming)) then coming = opening end
return {now, coming or '0', claimed, in_loop, in_process, redis.call('EXISTS', prefix .. 'nbq:parents')}
