#!lua flags=allow-oom
-- End jobs that were not started in time, whether anybody serves their queue or not.
-- With: past, groups, waiting
-- KEYS[1] zset    when jobs expire: nbq:expiring
-- KEYS[2] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     the most jobs to look at; the rest is left for the next call
-- Returns: 1 where there may be more to look at, else 0
-- Moves: scheduled -> expired, queued -> expired
local prefix = ARGV[1]
local now = server_ms()
local changes = {}

local function is_late(about)
  -- its id may have been another job's meanwhile
  if not about.state or is_final(about.state) or about.state == 'running' or about.fence then return false end
  return whole(about.expires) and whole(about.submitted) and now > tonumber(about.submitted) + tonumber(about.expires)
end

local due = redis.pcall('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now, 'LIMIT', 0, ARGV[2])
if due.err then return 0 end
for _, id in ipairs(due) do
  local record = prefix .. 'nbq:job:' .. id
  local about = read_fields(record, WAITING)
  -- what one job has of wrong types costs the others nothing
  if is_late(about) then pcall(end_waiting, prefix, id, about, {state = 'expired'}, now, changes) end
end
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end
write_groups(prefix)
remember(prefix)
tell(KEYS[2], changes)
return #due == tonumber(ARGV[2]) and 1 or 0
