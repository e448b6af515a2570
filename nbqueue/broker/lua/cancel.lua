#!lua flags=allow-oom
-- Cancel jobs: those that wait end at once, those that run are asked to stop through their engine.
-- KEYS[1] stream  events: nbq:events
-- KEYS[2] stream  history: nbq:history
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2..] text  job ids
-- Returns: per job "unknown", "removed" (it waited and is cancelled now), "asked" (it runs), or the final state it had already
-- Moves: scheduled -> cancelled, queued -> cancelled
local prefix = ARGV[1]
local now = server_ms()
local replies, changes, records = {}, {}, {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local record = prefix .. 'nbq:job:' .. id
  local found = redis.call('HMGET', record, 'state', 'queue', 'key', 'engine', 'function', 'label', 'group', 'submitted', 'fence', 'priority', 'stock')
  local state = found[1]
  if not state then
    replies[#replies + 1] = 'unknown'
  elseif state == 'running' then
    local wake = prefix .. 'nbq:wake:' .. found[4]
    redis.call('HSET', record, 'cancel', '1')
    redis.call('HSET', prefix .. 'nbq:stops:' .. found[4], id, 'cancel')
    redis.call('PEXPIRE', prefix .. 'nbq:stops:' .. found[4], 86400000)
    redis.call('LPUSH', wake, 'stop')
    redis.call('PEXPIRE', wake, TOKEN_MS)
    replies[#replies + 1] = 'asked'
  elseif state == 'queued' or state == 'scheduled' then
    redis.call('DEL', prefix .. 'arq:retry:' .. id, prefix .. 'nbq:checkpoint:' .. id)
    keep_call(prefix, id, found[11] and 0 or CALL_MS)
    redis.call('ZREM', found[3] or (prefix .. 'arq:queue:' .. found[2]), id)
    redis.call('HSET', record, 'state', 'cancelled', 'finished', now)
    redis.call('HDEL', record, 'reason')
    redis.call('PEXPIRE', record, RECORD_MS)
    redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, RECORD_MS)
    redis.pcall('HINCRBY', prefix .. 'nbq:counts:' .. found[2], 'cancelled', 1)
    records[#records + 1] = cjson.encode({job = id, attempt = 0, state = 'cancelled', queue = found[2],
      ['function'] = found[5] or '', label = found[6] or found[5] or '', group = found[7] or '',
      priority = tonumber(found[10]) or 0, submitted = tonumber(found[8])})
    changes[#changes + 1] = id .. ' cancelled ' .. (found[9] or '0')
    leave_word(prefix, id, now)
    replies[#replies + 1] = 'removed'
  else
    replies[#replies + 1] = state
  end
end
remember(prefix, KEYS[2], records)
tell(KEYS[1], changes)
return replies
