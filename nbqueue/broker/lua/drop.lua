#!lua flags=allow-oom
-- Delete a schedule; jobs that it made go on.
-- KEYS[1] hash    the schedule: nbq:schedule:<name>
-- KEYS[2] zset    schedules to look at: nbq:schedules
-- KEYS[3] set     names of all schedules: nbq:schedule-names
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    name
-- Returns: whether there was such a schedule
local revision = redis.pcall('HGET', KEYS[1], 'revision')
if type(revision) == 'string' then redis.call('UNLINK', ARGV[1] .. 'nbq:call:' .. ARGV[2] .. ':' .. revision) end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('SREM', KEYS[3], ARGV[2])
return redis.call('DEL', KEYS[1])
