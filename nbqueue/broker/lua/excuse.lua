#!lua
-- Note why a turn at a schedule came to nothing, for whoever looks; the turn is taken again. Refused where others took it.
-- KEYS[1] hash    the schedule: nbq:schedule:<name>
-- ARGV[1] int     the turn
-- ARGV[2] text    why, in a sentence
-- Returns: whether it was still ours
if redis.call('HGET', KEYS[1], 'turn') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'error', ARGV[2])
return 1
