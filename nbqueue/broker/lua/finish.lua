#!lua flags=allow-oom
-- Record how attempts ended: final results, attempts to repeat, jobs given back. A stale claim changes nothing.
-- KEYS[1] hash    what the engine has claimed: nbq:claims:<engine>
-- KEYS[2] stream  events: nbq:events
-- KEYS[3] stream  history: nbq:history
-- KEYS[4] hash    jobs the engine is to stop: nbq:stops:<engine>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] ms      how long records of ended jobs are kept
-- ARGV[3] int     how many attempts the history holds
-- ARGV[4..] bytes   per job 11 values: id, fence, state it goes to, delay ms, what is charged (try, crash, loss or none), sealed result, ms to keep it (-1: for ever), error type, error line, stopped by, history record (json, or empty for none)
-- Returns: per job 1, or 0 where the claim was stale
-- Moves: running -> succeeded, running -> failed, running -> cancelled, running -> timed_out, running -> crashed, running -> scheduled, running -> queued
local prefix = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamp = string.format('%.0f', now)
local charged = {['try'] = 'tries', crash = 'crashes', loss = 'losses'}
local replies, changes, counted = {}, {}, {}

local function wait_again(id, record, queue_key, rank, state, delay, queue)
  local due = string.format('%.0f', now + delay)
  redis.call('DEL', prefix .. 'arq:in-progress:' .. id)
  redis.call('HSET', record, 'state', state, 'due', due)
  if state == 'scheduled' then redis.call('HSET', record, 'reason', 'retrying') end
  redis.call('ZADD', queue_key, state == 'scheduled' and due or rank, id)
  local wake = prefix .. 'nbq:wake:' .. queue
  if redis.call('LLEN', wake) < 8 then
    redis.call('LPUSH', wake, 'ready')
    redis.call('PEXPIRE', wake, 3600000)
  end
end

local function close(id, record, queue_key, at, state)
  redis.call('DEL', prefix .. 'arq:job:' .. id, prefix .. 'arq:in-progress:' .. id, prefix .. 'arq:retry:' .. id,
    prefix .. 'nbq:checkpoint:' .. id)
  redis.call('ZREM', queue_key, id)
  if ARGV[at + 5] ~= '' and ARGV[at + 6] ~= '0' then
    if ARGV[at + 6] == '-1' then redis.call('SET', prefix .. 'arq:result:' .. id, ARGV[at + 5])
    else redis.call('SET', prefix .. 'arq:result:' .. id, ARGV[at + 5], 'PX', ARGV[at + 6]) end
  end
  redis.call('HSET', record, 'state', state, 'finished', stamp)
  redis.call('HDEL', record, 'reason')
  if ARGV[at + 7] ~= '' then redis.call('HSET', record, 'error_type', ARGV[at + 7], 'error', ARGV[at + 8]) end
  if ARGV[at + 9] ~= '' then redis.call('HSET', record, 'stopped_by', ARGV[at + 9]) end
  redis.call('PEXPIRE', record, ARGV[2])
  redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, ARGV[2])
end

for at = 4, #ARGV, 11 do
  local id, state = ARGV[at], ARGV[at + 2]
  local record = prefix .. 'nbq:job:' .. id
  local found = redis.call('HMGET', record, 'state', 'fence', 'queue', 'key', 'rank', 'cancel', 'stock')
  if found[1] ~= 'running' or found[2] ~= ARGV[at + 1] then
    replies[#replies + 1] = 0
  else
    local queue_key = found[4] or (prefix .. 'arq:queue:' .. found[3])
    redis.call('HDEL', KEYS[1], id)
    redis.call('HDEL', KEYS[4], id)
    local counter = charged[ARGV[at + 4]]
    -- a cancel that came while the attempt was ending: there is no next one
    if found[6] and (state == 'queued' or state == 'scheduled') then state = 'cancelled' end
    if state == 'queued' or state == 'scheduled' then
      wait_again(id, record, queue_key, found[5], state, tonumber(ARGV[at + 3]), found[3])
      if ARGV[at + 7] ~= '' then redis.call('HSET', record, 'error_type', ARGV[at + 7], 'error', ARGV[at + 8]) end
    else
      close(id, record, queue_key, at, state)
      if found[7] then redis.call('ZREM', prefix .. 'arq:abort', id) end
      local tally = found[3] .. '\n' .. state
      counted[tally] = (counted[tally] or 0) + 1
    end
    if counter then redis.call('HINCRBY', record, counter, 1) end
    if ARGV[at + 10] ~= '' then
      redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[at + 10])
    end
    changes[#changes + 1] = id .. ' ' .. state .. ' ' .. found[2]
    replies[#replies + 1] = 1
  end
end
for tally, number in pairs(counted) do
  local queue, state = string.match(tally, '^(.*)\n(.*)$')
  redis.call('HINCRBY', prefix .. 'nbq:counts:' .. queue, state, number)
end
if #changes > 0 then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 5000, '*', 'kind', 'changed', 'jobs', table.concat(changes, '\n'), 'count', #changes)
end
return replies
