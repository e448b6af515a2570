#!lua
-- Change how a schedule stands: pause it, resume it, or note the job of a run that was triggered.
-- KEYS[1] hash    the schedule: nbq:schedule:<name>
-- KEYS[2] zset    schedules to look at: nbq:schedules
-- ARGV[1] text    name
-- ARGV[2] text    pause, resume or trigger
-- ARGV[3] ms      of resume: next time, or 0 for none
-- ARGV[4] text    of trigger: id of the job
-- Returns: whether there is such a schedule
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[2] == 'pause' then
  redis.call('HSET', KEYS[1], 'paused', 1, 'waiting', '[]')
  redis.call('HINCRBY', KEYS[1], 'turn', 1)
  redis.call('ZREM', KEYS[2], ARGV[1])
elseif ARGV[2] == 'trigger' then
  redis.call('HSET', KEYS[1], 'last', ARGV[4], 'last_at', server_ms())
elseif redis.call('HDEL', KEYS[1], 'paused') == 1 and redis.call('HGET', KEYS[1], 'state') == 'active' then
  redis.call('HSET', KEYS[1], 'next', ARGV[3], 'look', ARGV[3], 'state', ARGV[3] == '0' and 'ended' or 'active')
  if ARGV[3] ~= '0' then redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1]) end
end
return 1
