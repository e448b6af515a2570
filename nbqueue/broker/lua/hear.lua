#!lua flags=allow-oom
-- Record how attempts to leave word went; what another worker was given meanwhile stays as it is.
-- KEYS[1] zset    word to be left: nbq:hooks
-- KEYS[2] zset    word that could not be left: nbq:unheard
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2..] ...   per attempt 6: id, turn, state (delivered, waiting, failed or gone), ms until it is sent again, HTTP status (0: no answer), what was wrong
-- Returns: per attempt 1, or 0 where the turn was over
local prefix, now = ARGV[1], server_ms()
local replies = {}
for at = 2, #ARGV, 6 do
  local id, state = ARGV[at], ARGV[at + 2]
  local word = prefix .. 'nbq:word:' .. id
  if redis.pcall('HGET', word, 'turn') ~= ARGV[at + 1] then
    replies[#replies + 1] = 0
  else
    redis.call('HINCRBY', word, 'turn', 1)
    redis.call('HINCRBY', word, 'attempts', 1)
    redis.call('HINCRBY', word, 'sent', 1)
    redis.call('HSET', word, 'state', state, 'error', ARGV[at + 5])
    redis.call('HDEL', word, 'next', 'status')
    if ARGV[at + 4] ~= '0' then redis.call('HSET', word, 'status', ARGV[at + 4]) end
    if state == 'waiting' then
      local next_at = now + tonumber(ARGV[at + 3])
      redis.call('HSET', word, 'next', next_at)
      redis.call('ZADD', KEYS[1], next_at, id)
    else
      redis.call('ZREM', KEYS[1], id)
      redis.call('ZREM', KEYS[2], id)
    end
    if state == 'delivered' then
      redis.call('HSET', word, 'delivered', now)
    elseif state ~= 'waiting' then
      redis.call('ZADD', KEYS[2], now, id)
      redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - RECORD_MS)
      redis.call('PEXPIRE', KEYS[2], RECORD_MS)
    end
    redis.call('PEXPIRE', word, RECORD_MS)
    replies[#replies + 1] = 1
  end
end
return replies
