#!lua flags=allow-oom
-- Give a worker word that is due to be left, each for the length of a lease, so that no two leave the same at once.
-- KEYS[1] zset    word to be left: nbq:hooks
-- KEYS[2] zset    word that could not be left: nbq:unheard
-- KEYS[3] zset    leases of the engines: nbq:leases
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     how many at most
-- ARGV[3] ms      length of the lease
-- ARGV[4] text    hosts this worker allows: `host:port` with spaces between them, where a host may be * or begin with *.
-- ARGV[5] ms      after how long word that no worker may leave is given up
-- Returns: {now ms, {{id, turn, hook, body, attempts since it was last begun, facts of nbq:job:<id> as names and values}, ...}}
local prefix, most, now = ARGV[1], tonumber(ARGV[2]), server_ms()

local function fits(patterns, target)
  local host, port = string.match(target, '^(.*):(%d+)$')
  for pattern in string.gmatch(patterns, '%S+') do
    local wanted, wanted_port = string.match(pattern, '^(.*):([^:]+)$')
    if host and (wanted_port == '*' or wanted_port == port) then
      if wanted == '*' or wanted == host then return true end
      if string.sub(wanted, 1, 2) == '*.' and string.sub(host, -#wanted + 1) == string.sub(wanted, 2) then return true end
    end
  end
  return false
end

local others = nil
local function fits_elsewhere(target)
  -- whether another worker that lives allows this host
  if not others then
    local found = {}
    for _, engine in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. now, '+inf')) do
      local hosts = redis.pcall('HGET', prefix .. 'nbq:engine:' .. engine, 'webhook_hosts')
      if type(hosts) == 'string' then found[#found + 1] = hosts end
    end
    others = table.concat(found, ' ')
  end
  return fits(others, target)
end

local function facts(key, ...)
  -- nil where something else stands there
  local found = redis.pcall('HMGET', key, ...)
  if found.err then return nil end
  local pairs_of = {}
  for i, name in ipairs({...}) do
    if found[i] then pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = name, found[i] end
  end
  return pairs_of, found
end

local function refuse(id, word, target, first)
  -- nobody may leave it now; a worker that may is perhaps started yet
  local host = string.match(target, '^(.*):443$') or string.match(target, '^(.*):80$') or target
  local given_up = now - first > tonumber(ARGV[5])
  redis.call('HSET', word, 'state', given_up and 'failed' or 'waiting', 'first', first, 'next', now + 60000, 'error',
    'No worker allows the host ' .. target .. ': start one with `nbqueue worker --webhook-hosts ' .. host .. '`.')
  redis.call('PEXPIRE', word, RECORD_MS)
  if given_up then
    redis.call('HDEL', word, 'next')
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZADD', KEYS[2], now, id)
    redis.call('PEXPIRE', KEYS[2], RECORD_MS)
  else
    redis.call('ZADD', KEYS[1], now + 60000, id)
  end
end

local function whole(text)
  return text and #text < 16 and string.find(text, '^%d+$') and tonumber(text) or 0
end

local taken = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)) do
  if #taken >= most then break end
  local word = prefix .. 'nbq:word:' .. id
  local job, job_found = facts(prefix .. 'nbq:job:' .. id, 'hook', 'state', 'function', 'label', 'queue', 'group',
    'submitted', 'started', 'finished', 'tries', 'losses', 'crashes', 'error_type', 'error')
  local known, known_found = facts(word, 'hook', 'body', 'sent', 'first', 'attempts', 'turn')
  local hook = known and (known_found[1] or job and job_found[1])
  local target = hook and string.match(hook, '^(%S+:%d+) ')
  if not target or not (known_found[2] or job and job_found[2]) or #id > 200 or string.find(id, '[^%w:._@+=-]') then
    -- the job was removed, or this is not ours
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('DEL', word)
  else
    local first = whole(known_found[4])
    if first == 0 then first = now end
    if fits(ARGV[4], target) then
      local turn = whole(known_found[6]) + 1
      redis.call('HSET', word, 'hook', hook, 'state', 'waiting', 'first', first, 'turn', turn, 'sent', whole(known_found[3]),
        'attempts', whole(known_found[5]))
      redis.call('PEXPIRE', word, RECORD_MS)
      redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), id)
      taken[#taken + 1] = {id, turn, hook, known_found[2] or '', whole(known_found[3]), job or {}}
    elseif not fits_elsewhere(target) then
      redis.call('HSET', word, 'hook', hook)
      refuse(id, word, target, first)
    end
  end
end
return {now, taken}
