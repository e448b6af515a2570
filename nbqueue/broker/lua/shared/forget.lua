-- Forgetting what is known of jobs that have ended. With the last of its jobs a group is forgotten, too.
local forgotten_of = {}

local function forget(prefix, id, group)
  -- all but its result and its lines of the history; `forget_groups` is called when all are
  forget_blobs(prefix, id)
  redis.call('UNLINK', prefix .. 'nbq:job:' .. id, prefix .. 'arq:job:' .. id, prefix .. 'nbq:log:' .. id, prefix .. 'nbq:trace:' .. id,
    prefix .. 'nbq:word:' .. id, prefix .. 'nbq:checkpoint:' .. id)
  if group then forgotten_of[group] = (forgotten_of[group] or 0) + 1 end
end

local function forget_group(prefix, group, deleted)
  local key = prefix .. 'nbq:group:' .. group
  local total = tonumber(redis.call('HGET', key, 'total') or nil)
  if not total or redis.call('HINCRBY', key, 'deleted', deleted) < total then return end
  redis.call('SREM', prefix .. 'nbq:pauses', 'g:' .. group)
  redis.call('DEL', prefix .. 'nbq:members:' .. group)
  -- those that wait for it are told how it ended
  if redis.call('SISMEMBER', prefix .. 'nbq:parents', group) == 1 then redis.call('PEXPIRE', key, TOKEN_MS) else redis.call('DEL', key) end
end

local function forget_groups(prefix)
  -- what goes wrong here costs only the counts
  for group, deleted in pairs(forgotten_of) do pcall(forget_group, prefix, group, deleted) end
end
