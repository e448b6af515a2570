#!lua flags=allow-oom
-- Forget jobs: those that wait are cancelled, and of those that have ended nothing is left but the history. With the last of
-- its jobs a group is forgotten, too.
-- With: groups, waiting, past
-- KEYS[1] stream  events: nbq:events
-- KEYS[2] stream  history: nbq:history
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2..] text  job ids
-- Returns: per job "unknown", "running" (it stays as it is) or "deleted"
-- Moves: scheduled -> cancelled, queued -> cancelled
local prefix = ARGV[1]
local now = server_ms()
local replies, changes, records = {}, {}, {}
-- group -> how many of its jobs are deleted here
local gone = {}

local function wait_no_more(id, record)
  -- whoever gets this id next waits for its own parents only
  local known, parents = pcall(cjson.decode, read_fields(record, {'after'}).after or '[]')
  for _, parent in ipairs(known and type(parents) == 'table' and parents or {}) do
    redis.call('SREM', prefix .. 'nbq:children:' .. tostring(parent), id)
    redis.call('SREM', prefix .. 'nbq:heirs:' .. tostring(parent), id)
  end
end

local function forget_group(group, deleted)
  local key = prefix .. 'nbq:group:' .. group
  local total = tonumber(redis.call('HGET', key, 'total') or nil)
  if not total or redis.call('HINCRBY', key, 'deleted', deleted) < total then return end
  redis.call('SREM', prefix .. 'nbq:pauses', 'g:' .. group)
  redis.call('DEL', prefix .. 'nbq:members:' .. group)
  -- those that wait for it are told how it ended
  if redis.call('SISMEMBER', prefix .. 'nbq:parents', group) == 1 then redis.call('PEXPIRE', key, TOKEN_MS) else redis.call('DEL', key) end
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
    if not is_final(about.state) then end_waiting(prefix, id, about, {state = 'cancelled'}, now, changes, records) end
    wait_no_more(id, record)
    redis.call('DEL', record, prefix .. 'arq:job:' .. id, prefix .. 'arq:result:' .. id, prefix .. 'nbq:log:' .. id,
      prefix .. 'nbq:trace:' .. id, prefix .. 'nbq:word:' .. id, prefix .. 'nbq:checkpoint:' .. id)
    if about.group then gone[about.group] = (gone[about.group] or 0) + 1 end
    replies[#replies + 1] = 'deleted'
  end
end
write_groups(prefix)
-- what goes wrong here costs only the counts
for group, deleted in pairs(gone) do pcall(forget_group, group, deleted) end
remember(prefix, KEYS[2], records)
tell(KEYS[1], changes)
return replies
