#!lua
-- Keep a schedule: a new one, or in place of the one of that name. Where the times are the same it goes on where it is.
-- KEYS[1] hash    the schedule: nbq:schedule:<name>
-- KEYS[2] zset    schedules to look at: nbq:schedules
-- KEYS[3] set     names of all schedules: nbq:schedule-names
-- KEYS[4] string  its sealed call, sent ahead: nbq:call:<name>:<revision>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    name
-- ARGV[3] text    revision of the call
-- ARGV[4] text    function
-- ARGV[5] text    queue
-- ARGV[6] json    its times
-- ARGV[7] ms      from when intervals are counted
-- ARGV[8] ms      next time, or 0 for none
-- Returns: 1 where there was one of that name, else 0
local name, revision = ARGV[2], ARGV[3]
local old = redis.call('HMGET', KEYS[1], 'revision', 'times', 'state', 'paused', 'existed')
-- asked again, because the answer was lost
if old[1] == revision then return tonumber(old[5]) or 0 end
if redis.call('PERSIST', KEYS[4]) == 0 then
  return redis.error_reply('GONE the call of schedule ' .. name .. ' was removed on its way: schedule it again')
end
-- keys of a wrong type are refused here, before anything is written
redis.call('ZCARD', KEYS[2])
redis.call('SADD', KEYS[3], name)
local existed = old[1] and 1 or 0
if old[1] then redis.call('UNLINK', ARGV[1] .. 'nbq:call:' .. name .. ':' .. old[1]) end
redis.call('HINCRBY', KEYS[1], 'turn', 1)
redis.call('HSET', KEYS[1], 'revision', revision, 'function', ARGV[4], 'queue', ARGV[5], 'existed', existed)
if old[2] == ARGV[6] and old[3] ~= 'refused' then
  -- a turn at it may be under way and is refused now: it is taken again
  local due = tonumber(redis.call('HGET', KEYS[1], 'look') or 0)
  if due > 0 and not old[4] then redis.call('ZADD', KEYS[2], due, name) end
  return existed
end
redis.call('HDEL', KEYS[1], 'error')
redis.call('HSET', KEYS[1], 'times', ARGV[6], 'since', ARGV[7], 'next', ARGV[8], 'look', ARGV[8], 'runs', 0,
  'skipped', 0, 'waiting', '[]', 'state', ARGV[8] == '0' and 'ended' or 'active')
redis.call('ZREM', KEYS[2], name)
if ARGV[8] ~= '0' and not old[4] then redis.call('ZADD', KEYS[2], ARGV[8], name) end
return existed
