#!lua flags=allow-oom
-- Give back the jobs of engines that are gone: those whose lease ran out, and those named as dead.
-- With: past, groups, waiting
-- KEYS[1] zset    leases: nbq:leases
-- KEYS[2] stream  events: nbq:events
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
local changes = {}
local FIELDS = {'state', 'engine', 'queue', 'rank', 'losses', 'crashes', 'cancel', 'function', 'label', 'group', 'submitted',
  'started', 'fence', 'priority', 'stock', 'tries', 'key', 'hook', 'tags', 'due',
  'parent', 'retry_of'}

local function place_in(claim)
  -- rank and key of the queue as the claiming script wrote them
  local rank, length, names = string.match(claim, '^%d+ (%d+) %d+ %d+ %d+ %S+ %S+ (%d+) (.*)$')
  return rank, names and string.sub(names, tonumber(length) + 1)
end

local function fate_of(job, losses)
  if job.cancel then return 'cancelled' end
  -- a stock worker counts starts as tries, and leaves a result that arq can read
  if job.stock then return 'queued' end
  return losses + (tonumber(job.crashes) or 0) >= tonumber(ARGV[2]) and 'crashed' or 'queued'
end

local places = {}
local function place_of_engine(engine)
  -- where it ran, and what it was
  if not places[engine] then places[engine] = read_fields(prefix .. 'nbq:engine:' .. engine, {'host', 'python', 'version'}) end
  return places[engine]
end

local function line_of(id, job, state, engine, error)
  local where = place_of_engine(engine)
  return cjson.encode({job = id,
    attempt = (tonumber(job.tries) or 0) + (tonumber(job.losses) or 0) + (tonumber(job.crashes) or 0) + 1,
    state = state == 'queued' and 'lost' or state, queue = job.queue, ['function'] = job['function'] or '',
    label = job.label or job['function'] or '', group = job.group or '', priority = tonumber(job.priority) or 0,
    submitted = tonumber(job.submitted), due = tonumber(job.due), started = tonumber(job.started), worker = engine,
    host = where.host, py = where.python, v = where.version, tags = tags_of(job.tags), parent = job.parent,
    retry_of = job.retry_of, error_type = 'JobCrashed', error = error})
end

local function wait_again(id, job, queue_key, rank)
  -- from now on: what it ran for was no wait
  redis.call('HSET', prefix .. 'nbq:job:' .. id, 'due', now)
  redis.call('ZADD', queue_key, rank, id)
  call_workers(prefix .. 'nbq:wake:' .. job.queue)
  regroup(job.group, 'running', 'queued')
end

local function give_up(id, job, queue_key, state, error)
  local record = prefix .. 'nbq:job:' .. id
  keep_checkpoint(prefix, id)
  keep_call(prefix, id, job.stock and 0 or CALL_MS)
  redis.call('ZREM', queue_key, id)
  redis.call('HSET', record, 'finished', now)
  if state == 'crashed' then redis.call('HSET', record, 'error_type', 'JobCrashed', 'error', error) end
  redis.call('PEXPIRE', record, record_ms(prefix, job.queue))
  redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, RECORD_MS)
  count_ended(prefix, job.queue, state, 1, now)
  regroup(job.group, 'running', nil)
  over(prefix, id, state, job, now)
end

local function settle(id, claim, engine)
  local job = read_fields(prefix .. 'nbq:job:' .. id, FIELDS)
  if job.state ~= 'running' or job.engine ~= engine then return end
  local rank, queue_key = place_in(claim)
  job.queue = job.queue or ''
  rank = rank or tonumber(job.rank) or 99 * RANKS_A_PRIORITY
  queue_key = queue_key or job.key or (prefix .. 'arq:queue:' .. job.queue)
  local guilty = ARGV[5] == id
  local losses = (tonumber(job.losses) or 0) + ((ARGV[5] == '' or guilty) and tonumber(ARGV[3]) or 0)
  local state = fate_of(job, losses)
  local error = 'Its worker ' .. engine .. ' was lost.'
  if guilty then error = 'It did not yield to the event loop of ' .. engine .. ', which had to be replaced.' end
  redis.call('DEL', prefix .. 'arq:in-progress:' .. id)
  redis.call('HSET', prefix .. 'nbq:job:' .. id, 'state', state, 'losses', losses)
  if state == 'queued' then wait_again(id, job, queue_key, rank) else give_up(id, job, queue_key, state, error) end
  note(job.queue, line_of(id, job, state, engine, error))
  changes[#changes + 1] = id .. ' ' .. state .. ' ' .. (job.fence or '0')
end

local function free_limits(engine)
  local ids = redis.pcall('HKEYS', prefix .. 'nbq:holds:' .. engine)
  for first = 1, ids.err and 0 or #ids, 1000 do
    give_tokens_back(prefix, engine, {unpack(ids, first, math.min(first + 999, #ids))})
  end
end

local dead = ARGV[4] == '1' and redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now) or {}
for i = 6, #ARGV do dead[#dead + 1] = ARGV[i] end
for _, engine in ipairs(dead) do
  -- a key of a wrong type must not keep the jobs of other engines from coming back
  local claims = redis.pcall('HGETALL', prefix .. 'nbq:claims:' .. engine)
  if claims.err then claims = {} end
  for i = 1, #claims, 2 do settle(claims[i], claims[i + 1], engine) end
  free_limits(engine)
  redis.call('DEL', prefix .. 'nbq:claims:' .. engine, prefix .. 'nbq:stops:' .. engine, prefix .. 'nbq:engine:' .. engine,
    prefix .. 'nbq:wake:' .. engine, prefix .. 'nbq:holds:' .. engine)
  redis.call('ZREM', KEYS[1], engine)
end
write_groups(prefix)
remember(prefix)
tell(KEYS[2], changes)
return #changes
