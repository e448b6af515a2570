#!lua flags=allow-oom
-- Give back the jobs of engines that are gone: those whose lease ran out, and those named as dead.
-- KEYS[1] zset    leases: nbq:leases
-- KEYS[2] stream  events: nbq:events
-- KEYS[3] stream  history: nbq:history
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     losses and crashes after which a job is given up
-- ARGV[3] int     1 to count it as a loss, 0 where the engine was ended on purpose
-- ARGV[4] int     1 to look for leases that ran out, 0 to leave them: who holds them may not have been able to renew yet
-- ARGV[5] text    the job that was at fault, or empty: where it is known, no other counts it as a loss
-- ARGV[6..] text  ids of engines known to be dead
-- Returns: how many jobs were given back or given up
-- Moves: running -> queued, running -> crashed, running -> cancelled
local prefix = ARGV[1]
local now = server_ms()
local changes, records = {}, {}

local function place_of(claim)
  -- rank and key of the queue as the claiming script wrote them: fence, rank, ... length of the queue's name, name and key
  local rank, length, names = string.match(claim, '^%d+ (%d+) %d+ %d+ %d+ %S+ (%d+) (.*)$')
  return rank, names and string.sub(names, tonumber(length) + 1)
end

local function settle(id, claim, engine)
  local record = prefix .. 'nbq:job:' .. id
  local found = redis.pcall('HMGET', record, 'state', 'engine', 'queue', 'rank', 'losses', 'crashes', 'cancel',
    'function', 'label', 'group', 'submitted', 'started', 'fence', 'priority', 'stock', 'tries', 'key')
  if found.err or found[1] ~= 'running' or found[2] ~= engine then return end
  local rank, queue_key = place_of(claim)
  found[3], found[13] = found[3] or '', found[13] or '0'
  rank = rank or tonumber(found[4]) or 99 * RANKS_A_PRIORITY
  queue_key = queue_key or found[17] or (prefix .. 'arq:queue:' .. found[3])
  local guilty = ARGV[5] == id
  local charge = (ARGV[5] == '' or guilty) and tonumber(ARGV[3]) or 0
  local losses = (tonumber(found[5]) or 0) + charge
  local state = 'queued'
  if found[7] then state = 'cancelled'
  elseif found[15] then state = 'queued' -- its worker counts starts as tries, and leaves a result that arq can read
  elseif losses + (tonumber(found[6]) or 0) >= tonumber(ARGV[2]) then state = 'crashed' end
  local error = 'Its worker ' .. engine .. ' was lost.'
  if guilty then error = 'It did not yield to the event loop of ' .. engine .. ', which had to be replaced.' end
  redis.call('DEL', prefix .. 'arq:in-progress:' .. id)
  redis.call('HSET', record, 'state', state, 'losses', losses)
  if state == 'queued' then
    redis.call('ZADD', queue_key, rank, id)
    call_workers(prefix .. 'nbq:wake:' .. found[3])
  else
    redis.call('DEL', prefix .. 'nbq:checkpoint:' .. id)
    keep_call(prefix, id, found[15] and 0 or CALL_MS)
    redis.call('ZREM', queue_key, id)
    redis.call('HSET', record, 'finished', now)
    if state == 'crashed' then redis.call('HSET', record, 'error_type', 'JobCrashed', 'error', error) end
    redis.call('PEXPIRE', record, RECORD_MS)
    redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, RECORD_MS)
    leave_word(prefix, id, now)
    redis.pcall('HINCRBY', prefix .. 'nbq:counts:' .. found[3], state, 1)
  end
  records[#records + 1] = cjson.encode({job = id,
    attempt = (tonumber(found[16]) or 0) + (tonumber(found[5]) or 0) + (tonumber(found[6]) or 0) + 1,
    state = state == 'queued' and 'lost' or state, queue = found[3], ['function'] = found[8] or '',
    label = found[9] or found[8] or '', group = found[10] or '', priority = tonumber(found[14]) or 0,
    submitted = tonumber(found[11]), started = tonumber(found[12]), worker = engine,
    error_type = 'JobCrashed', error = error})
  changes[#changes + 1] = id .. ' ' .. state .. ' ' .. found[13]
end

local dead = ARGV[4] == '1' and redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now) or {}
for i = 6, #ARGV do dead[#dead + 1] = ARGV[i] end
for _, engine in ipairs(dead) do
  -- a key of a wrong type must not keep the jobs of other engines from coming back
  local claims = redis.pcall('HGETALL', prefix .. 'nbq:claims:' .. engine)
  if claims.err then claims = {} end
  for i = 1, #claims, 2 do settle(claims[i], claims[i + 1], engine) end
  redis.call('DEL', prefix .. 'nbq:claims:' .. engine, prefix .. 'nbq:stops:' .. engine, prefix .. 'nbq:engine:' .. engine,
    prefix .. 'nbq:wake:' .. engine)
  redis.call('ZREM', KEYS[1], engine)
end
remember(prefix, KEYS[3], records)
tell(KEYS[2], changes)
return #changes
