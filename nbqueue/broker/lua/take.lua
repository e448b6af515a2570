#!lua
-- Take the schedule that is due first, for one turn at it. Others leave it alone meanwhile; who dies with it loses it.
-- KEYS[1] zset    schedules to look at: nbq:schedules
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] ms      how long a turn may take
-- Returns: the server's time and when the next one is due (0: none); of one that was taken also its name, turn and fields
local now = server_ms()
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[1] then return {now, 0} end
local due, name = tonumber(first[2]), first[1]
-- never far off: what stands there may be anybody's
if due > now then return {now, math.min(due, now + 86400000)} end
local schedule = ARGV[1] .. 'nbq:schedule:' .. name
if #name > 50 or not name:match('^[%w._-]+$') or redis.call('TYPE', schedule).ok ~= 'hash' then
  redis.call('ZREM', KEYS[1], name)
  return {now, now}
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), name)
local turn = redis.pcall('HINCRBY', schedule, 'turn', 1)
if type(turn) ~= 'number' then
  turn = 1
  redis.call('HSET', schedule, 'turn', turn)
end
local fields = redis.call('HMGET', schedule, 'revision', 'function', 'since', 'next', 'runs', 'waiting', 'last')
local last = fields[7] and redis.pcall('HGET', ARGV[1] .. 'nbq:job:' .. fields[7], 'state')
return {now, now, name, turn, fields, type(last) == 'string' and last or ''}
