#!lua flags=allow-oom
-- Cancel jobs: those that wait end at once, those that run are asked to stop through their engine,
-- or stay as they are.
-- With: past, groups, waiting
-- KEYS[1] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    "waiting": what runs stays as it is; "all": it is asked to stop
-- ARGV[3..] text  job ids
-- Returns: per job "unknown", "removed" (it waited and is cancelled now), "asked" (it runs) or "running" (it stays), or the final state it had already
-- Moves: scheduled -> cancelled, queued -> cancelled
local prefix = ARGV[1]
local stays = ARGV[2] == 'waiting'
local now = server_ms()
local replies, changes = {}, {}

local function ask_to_stop(id, engine)
  local wake = prefix .. 'nbq:wake:' .. engine
  redis.call('HSET', prefix .. 'nbq:job:' .. id, 'cancel', '1')
  redis.call('HSET', prefix .. 'nbq:stops:' .. engine, id, 'cancel')
  redis.call('PEXPIRE', prefix .. 'nbq:stops:' .. engine, 86400000)
  redis.call('LPUSH', wake, 'stop')
  redis.call('PEXPIRE', wake, TOKEN_MS)
end

for i = 3, #ARGV do
  local id = ARGV[i]
  local about = read_fields(prefix .. 'nbq:job:' .. id, WAITING)
  if not about.state then
    replies[#replies + 1] = 'unknown'
  elseif about.state == 'running' and stays then
    replies[#replies + 1] = 'running'
  elseif about.state == 'running' then
    ask_to_stop(id, redis.call('HGET', prefix .. 'nbq:job:' .. id, 'engine'))
    replies[#replies + 1] = 'asked'
  elseif is_final(about.state) then
    replies[#replies + 1] = about.state
  else
    end_waiting(prefix, id, about, {state = 'cancelled'}, now, changes)
    replies[#replies + 1] = 'removed'
  end
end
write_groups(prefix)
remember(prefix)
tell(KEYS[1], changes)
return replies
