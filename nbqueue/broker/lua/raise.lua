#!lua flags=allow-oom
-- Keep what an alert remembers, and leave word of what it raised; nothing where another worker was faster.
-- KEYS[1] hash    alerts: nbq:alerts
-- KEYS[2] hash    what alerts remember: nbq:alarms
-- KEYS[3] zset    word to be left: nbq:hooks
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    id of the alert
-- ARGV[3] text    what it remembered before, or empty
-- ARGV[4] text    what it remembers now
-- ARGV[5] text    where word is left: the hook of nbq:word:<id>
-- ARGV[6..] json  per message 2: its id, its body
-- Returns: 1, or 0 where the alert was removed or remembers something else by now
local prefix, alert, now = ARGV[1], ARGV[2], server_ms()
if redis.call('HEXISTS', KEYS[1], alert) == 0 then return 0 end
if (redis.call('HGET', KEYS[2], alert) or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], alert, ARGV[4])
for at = 6, #ARGV, 2 do
  local word = prefix .. 'nbq:word:' .. ARGV[at]
  redis.call('HSET', word, 'hook', ARGV[5], 'body', ARGV[at + 1], 'state', 'waiting', 'first', now)
  redis.call('PEXPIRE', word, RECORD_MS)
  redis.call('ZADD', KEYS[3], now, ARGV[at])
end
return 1
