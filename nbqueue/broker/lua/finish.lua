#!lua flags=allow-oom
-- Record how attempts ended: final results, attempts to repeat, jobs given back. A stale claim changes nothing.
-- KEYS[1] hash    what the engine has claimed: nbq:claims:<engine>
-- KEYS[2] stream  events: nbq:events
-- KEYS[3] stream  history: nbq:history
-- KEYS[4] hash    jobs the engine is to stop: nbq:stops:<engine>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] ms      how long records of ended jobs are kept
-- ARGV[3] int     how many attempts the history holds
-- ARGV[4..] bytes   per job 11 values: id, fence, state it goes to, delay ms (-1: none, and from now on in the process lane), what is charged (try, crash, loss or none), sealed result (\0parcel: it was sent ahead to nbq:parcel:<id>:<fence>), ms to keep it (-1: for ever), error type, error line, stopped by, history record (json, or empty for none)
-- Returns: per job 1, or 0 where the claim was stale
-- Moves: running -> succeeded, running -> failed, running -> cancelled, running -> timed_out, running -> crashed, running -> scheduled, running -> queued
local prefix = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamp = string.format('%.0f', now)
local charged = {['try'] = 'tries', crash = 'crashes', loss = 'losses'}
local places = {tries = 6, crashes = 7, losses = 8}
local replies, changes, counted, ends = {}, {}, {}, {}
-- taken away together, before anything is written: a full server must be able to get emptier
local over, keys, queued, unwanted = {}, {}, {}, {}

for at = 4, #ARGV, 11 do
  local id = ARGV[at]
  local found = redis.call('HMGET', prefix .. 'nbq:job:' .. id, 'state', 'fence', 'queue', 'key', 'rank', 'tries', 'crashes',
    'losses', 'cancel', 'stock', 'reason', 'log_kept')
  if found[1] ~= 'running' or found[2] ~= ARGV[at + 1] then
    replies[#replies + 1] = 0
  else
    replies[#replies + 1] = 1
    local state = ARGV[at + 2]
    -- a cancel that came while the attempt was ending: there is no next one
    if found[9] and (state == 'queued' or state == 'scheduled') then state = 'cancelled' end
    ends[#ends + 1] = {at = at, state = state, found = found, again = state == 'queued' or state == 'scheduled',
      queue_key = found[4] or (prefix .. 'arq:queue:' .. found[3])}
    over[#over + 1] = id
    keys[#keys + 1] = prefix .. 'arq:in-progress:' .. id
  end
end

for _, ending in ipairs(ends) do
  if not ending.again then
    local id = ARGV[ending.at]
    keys[#keys + 1] = prefix .. 'arq:job:' .. id
    keys[#keys + 1] = prefix .. 'nbq:checkpoint:' .. id
    if ending.found[10] then
      keys[#keys + 1] = prefix .. 'arq:retry:' .. id
      unwanted[#unwanted + 1] = id
    end
    queued[ending.queue_key] = queued[ending.queue_key] or {}
    table.insert(queued[ending.queue_key], id)
  end
end
if #over > 0 then
  redis.call('HDEL', KEYS[1], unpack(over))
  redis.call('HDEL', KEYS[4], unpack(over))
  redis.call('DEL', unpack(keys))
end
if #unwanted > 0 then redis.call('ZREM', prefix .. 'arq:abort', unpack(unwanted)) end
for queue_key, ids in pairs(queued) do redis.call('ZREM', queue_key, unpack(ids)) end

local function wait_again(id, ending, fields)
  local delay, scheduled = tonumber(ARGV[ending.at + 3]), ending.state == 'scheduled'
  local due = string.format('%.0f', now + math.max(delay, 0))
  fields[#fields + 1], fields[#fields + 2] = 'due', due
  if scheduled then fields[#fields + 1], fields[#fields + 2] = 'reason', 'retrying' end
  local rank = ending.found[5]
  if delay < 0 and tonumber(rank) < 400000000000 then
    rank = string.format('%.0f', tonumber(rank) + 400000000000)
    fields[#fields + 1], fields[#fields + 2] = 'rank', rank
  end
  redis.call('ZADD', ending.queue_key, scheduled and due or rank, id)
  local wake = prefix .. 'nbq:wake:' .. ending.found[3]
  if redis.call('LLEN', wake) < 8 then
    redis.call('LPUSH', wake, 'ready')
    redis.call('PEXPIRE', wake, 3600000)
  end
end

local function close(id, ending, fields)
  local at = ending.at
  if ARGV[at + 5] ~= '' and ARGV[at + 6] ~= '0' then
    local result = prefix .. 'arq:result:' .. id
    if ARGV[at + 5] == '\0parcel' then
      redis.pcall('RENAME', prefix .. 'nbq:parcel:' .. id .. ':' .. ARGV[at + 1], result)
      if ARGV[at + 6] == '-1' then redis.call('PERSIST', result) else redis.call('PEXPIRE', result, ARGV[at + 6]) end
    elseif ARGV[at + 6] == '-1' then redis.call('SET', result, ARGV[at + 5])
    else redis.call('SET', result, ARGV[at + 5], 'PX', ARGV[at + 6]) end
  end
  fields[#fields + 1], fields[#fields + 2] = 'finished', stamp
  if ARGV[at + 9] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'stopped_by', ARGV[at + 9] end
  if ending.found[12] then redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, ARGV[2]) end
  local tally = ending.found[3] .. '\n' .. ending.state
  counted[tally] = (counted[tally] or 0) + 1
end

for _, ending in ipairs(ends) do
  local at, found = ending.at, ending.found
  local id, counter = ARGV[at], charged[ARGV[at + 4]]
  local record = prefix .. 'nbq:job:' .. id
  local fields = {'state', ending.state}
  if ending.again then wait_again(id, ending, fields) else close(id, ending, fields) end
  if counter then
    fields[#fields + 1], fields[#fields + 2] = counter, (tonumber(found[places[counter]]) or 0) + 1
  end
  if ARGV[at + 7] ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'error_type', ARGV[at + 7]
    fields[#fields + 1], fields[#fields + 2] = 'error', ARGV[at + 8]
  end
  redis.call('HSET', record, unpack(fields))
  if not ending.again then
    if found[11] then redis.call('HDEL', record, 'reason') end
    redis.call('PEXPIRE', record, ARGV[2])
  end
  if ARGV[at + 10] ~= '' then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[at + 10])
  end
  changes[#changes + 1] = id .. ' ' .. ending.state .. ' ' .. found[2]
end
for tally, number in pairs(counted) do
  local queue, state = string.match(tally, '^(.*)\n(.*)$')
  redis.call('HINCRBY', prefix .. 'nbq:counts:' .. queue, state, number)
end
if #changes > 0 then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 5000, '*', 'kind', 'changed', 'jobs', table.concat(changes, '\n'), 'count', #changes)
end
return replies
