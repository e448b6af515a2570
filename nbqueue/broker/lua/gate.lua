#!lua flags=allow-oom
-- Close or open a gate by hand, or set a limit from now on; what waits there is looked at again.
-- With: groups, waiting
-- KEYS[1] set     gates that are closed by hand: nbq:pauses
-- KEYS[2] hash    limits that are set: nbq:limits
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    pause, resume or limit
-- ARGV[3] text    the gate (f:<function>, t:<tag>, g:<group>), or the scope of a limit (q:<queue>, f:<function>, k:<key>)
-- ARGV[4] json    the limit; empty: none
-- Returns: how many jobs that run count for the limit from now on
local prefix, what, name, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local function counts(id)
  -- whether a running job is under the limit; those with a key brought it themselves
  local field = string.sub(name, 1, 2) == 'q:' and 'queue' or string.sub(name, 1, 2) == 'f:' and 'function' or nil
  return field and redis.call('HGET', prefix .. 'nbq:job:' .. id, field) == string.sub(name, 3)
end

local function hold(engine, id, claim)
  -- as if it had been claimed under the limit: its end gives the token back
  local holds = prefix .. 'nbq:holds:' .. engine
  local scopes = redis.call('HGET', holds, id)
  redis.call('HSET', holds, id, (scopes and scopes .. '\n' or '') .. '-' .. name)
  redis.call('SADD', prefix .. 'nbq:holding:' .. name, id)
  local before, marks, rest = string.match(claim, '^(%d+ %d+ %d+ %d+ %d+ )(%S+)( .*)$')
  if before and not string.find(marks, 'l', 1, true) then
    redis.call('HSET', prefix .. 'nbq:claims:' .. engine, id, before .. marks .. 'l' .. rest)
  end
end

local function count_running()
  local number = 0
  -- no KEYS: a server takes those for written to, and who submits may only read the leases
  for _, engine in ipairs(redis.call('ZRANGE', prefix .. 'nbq:leases', 0, -1)) do
    local claims = redis.pcall('HGETALL', prefix .. 'nbq:claims:' .. engine)
    for i = 1, claims.err and 0 or #claims, 2 do
      local id = claims[i]
      if redis.call('SISMEMBER', prefix .. 'nbq:holding:' .. name, id) == 0 and counts(id) then
        hold(engine, id, claims[i + 1])
        number = number + 1
      end
    end
  end
  return number
end

local number = 0
if what == 'pause' then
  redis.call('SADD', KEYS[1], name)
elseif what == 'resume' then
  redis.call('SREM', KEYS[1], name)
  open_gate(prefix, name)
elseif limit == '' then
  redis.call('HDEL', KEYS[2], name)
  open_limit(prefix, name)
else
  redis.call('HSET', KEYS[2], name, limit)
  number = count_running()
  open_limit(prefix, name)
end
return number
