#!lua
-- End a turn at a schedule: note what was run, and when to look at it next. Refused where others took it meanwhile.
-- KEYS[1] hash    the schedule: nbq:schedule:<name>
-- KEYS[2] zset    schedules to look at: nbq:schedules
-- ARGV[1] text    name
-- ARGV[2] int     the turn
-- ARGV[3] ms      next time, or 0 for none
-- ARGV[4] ms      when to look at it, or 0 for never
-- ARGV[5] json    times that wait for the end of the last job, in ms
-- ARGV[6] int     runs that were added
-- ARGV[7] int     times that were left out
-- ARGV[8] text    id of the last job, or empty where there is no new one
-- ARGV[9] ms      its time
-- ARGV[10] text   why the schedule is refused, or empty
-- Returns: whether it was still ours
if redis.call('HGET', KEYS[1], 'turn') ~= ARGV[2] then return 0 end
local ended, refused = ARGV[4] == '0', ARGV[10] ~= ''
redis.call('HINCRBY', KEYS[1], 'turn', 1)
redis.call('HSET', KEYS[1], 'next', ARGV[3], 'look', ARGV[4], 'waiting', ARGV[5],
  'state', refused and 'refused' or ended and 'ended' or 'active')
redis.pcall('HINCRBY', KEYS[1], 'runs', ARGV[6])
redis.pcall('HINCRBY', KEYS[1], 'skipped', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'last', ARGV[8], 'last_at', ARGV[9]) end
-- what was in the way of turns before is over
if refused then redis.call('HSET', KEYS[1], 'error', ARGV[10]) else redis.call('HDEL', KEYS[1], 'error') end
if ended or redis.call('HEXISTS', KEYS[1], 'paused') == 1 then
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
end
return 1
