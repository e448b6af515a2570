#!lua flags=allow-oom
-- Forget jobs: those that wait are cancelled, and of those that have ended nothing is left but the history. With the last of
-- its jobs a group is forgotten, too.
-- With: past, groups, waiting, forget
-- KEYS[1] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2..] text  job ids
-- Returns: per job "unknown", "running" (it stays as it is) or "deleted"
-- Moves: scheduled -> cancelled, queued -> cancelled
local prefix = ARGV[1]
local now = server_ms()
local replies, changes = {}, {}

local function wait_no_more(id, record)
  -- whoever gets this id next waits for its own parents only
  local known, parents = pcall(cjson.decode, read_fields(record, {'after'}).after or '[]')
  for _, parent in ipairs(known and type(parents) == 'table' and parents or {}) do
    redis.call('SREM', prefix .. 'nbq:children:' .. tostring(parent), id)
    redis.call('SREM', prefix .. 'nbq:heirs:' .. tostring(parent), id)
  end
end

for i = 2, #ARGV do
  local id = ARGV[i]
  local record = prefix .. 'nbq:job:' .. id
  local about = read_fields(record, WAITING)
  if not about.state then
    replies[#replies + 1] = 'unknown'
  elseif about.state == 'running' then
    replies[#replies + 1] = 'running'
  else
    if not is_final(about.state) then end_waiting(prefix, id, about, {state = 'cancelled'}, now, changes) end
    wait_no_more(id, record)
    redis.call('DEL', prefix .. 'arq:result:' .. id)
    forget(prefix, id, about.group)
    replies[#replies + 1] = 'deleted'
  end
end
write_groups(prefix)
forget_groups(prefix)
remember(prefix)
tell(KEYS[1], changes)
return replies
