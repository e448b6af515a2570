#!lua
-- Have word sent again that was not heard, now and with all its attempts before it.
-- KEYS[1] zset    word to be left: nbq:hooks
-- KEYS[2] zset    word that could not be left: nbq:unheard
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2..] text  ids
-- Returns: per id "waiting" (it is sent now), "delivered" (it was heard: nothing is sent), or "unknown"
local prefix, now = ARGV[1], server_ms()
local replies = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local word = prefix .. 'nbq:word:' .. id
  local found = redis.pcall('HMGET', word, 'state', 'hook')
  if found.err or not found[2] then
    replies[#replies + 1] = 'unknown'
  elseif found[1] == 'delivered' then
    replies[#replies + 1] = 'delivered'
  else
    redis.call('HSET', word, 'state', 'waiting', 'sent', 0, 'first', now, 'next', now)
    redis.call('PEXPIRE', word, RECORD_MS)
    redis.call('ZADD', KEYS[1], now, id)
    redis.call('ZREM', KEYS[2], id)
    replies[#replies + 1] = 'waiting'
  end
end
return replies
