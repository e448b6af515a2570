#!lua
-- Give an engine up to as many ready jobs as it has room for; waiting jobs that are due become ready first.
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- KEYS[2] hash    what the engine has claimed: nbq:claims:<engine>
-- KEYS[3] zset    leases of the engines: nbq:leases
-- KEYS[4] set     paused queues: nbq:paused
-- KEYS[5] stream  events: nbq:events
-- KEYS[6] stream  history: nbq:history
-- KEYS[7] string  submission counter: nbq:sequence
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    queue name
-- ARGV[3] text    engine id
-- ARGV[4] int     room for jobs of the event loop
-- ARGV[5] int     room for jobs that need a process
-- ARGV[6] int     1 where stock arq clients submit: an id that ended may come again
-- Returns: {now ms, next due ms or 0, {{id, `fence tries crashes losses submitted due adopted lane group` (adopted: 1 where no submit script of ours wrote it), submission (empty: it is large, and read apart) or nil}, ...}, looked at in the loop's lane, in the process lane}; now is 0 when the engine's lease is gone
-- Moves: scheduled -> queued, queued -> running, scheduled -> expired, queued -> expired
local prefix, queue, engine, stock = ARGV[1], ARGV[2], ARGV[3], ARGV[6] == '1'
local now = server_ms()
if not redis.call('ZSCORE', KEYS[3], engine) then return {0, 0, {}, 0, 0} end
local records = {}

local function read(record, ...)
  local found = redis.pcall('HMGET', record, ...)
  if not found.err then return found end
  redis.call('DEL', record)
  return redis.call('HMGET', record, ...)
end

local function whole(text)
  return text and #text < 16 and string.find(text, '^%d+$')
end

local function count(text)
  return whole(text) and tonumber(text) or 0
end

local function stray(id, home)
  -- in the queue by mistake or malice: an id that no client makes, or the id of a job of another queue
  if #id == 0 or #id > 512 or string.find(id, '%c') then
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    records[#records + 1] = cjson.encode({job = string.sub(id, 1, 60), attempt = 0, state = 'failed', queue = queue,
      error_type = 'TamperedPayload', error = 'No client makes such an id; it was dropped.'})
  elseif stock or not home or home == queue then
    return false
  end
  redis.call('ZREM', KEYS[1], id)
  return true
end

local function ended(state)
  return state and state ~= 'queued' and state ~= 'scheduled' and state ~= 'running'
end

local function repeated(id, state)
  -- an id that ended and came again: ours never do; a stock client's may, a tick of arq's cron not within its guard
  return ended(state) and (not stock or redis.call('EXISTS', prefix .. 'nbq:tick:' .. id) == 1)
end

local elsewhere, tried = {}, {}
local function look(ids)
  -- which jobs a stock worker runs, or ran as ticks of arq's cron within the last minute; how often stock workers tried them
  if not stock or #ids == 0 then return end
  local names = {}
  for _, id in ipairs(ids) do
    names[#names + 1], names[#names + 2] = prefix .. 'arq:in-progress:' .. id, prefix .. 'arq:retry:' .. id
  end
  local found = redis.call('MGET', unpack(names))
  for i, id in ipairs(ids) do elsewhere[id], tried[id] = found[2 * i - 1], tonumber(found[2 * i] or 0) end
end

local reserved, sequence = 0, 0
local function next_rank(wanted)
  if reserved == 0 then reserved, sequence = wanted, redis.call('INCRBY', KEYS[7], wanted) - wanted end
  reserved, sequence = reserved - 1, sequence + 1
  return 99 * RANKS_A_PRIORITY + sequence % RANKS_A_PRIORITY
end

local function adopt(id, known, fence, due, wanted)
  -- a job that no submit script of ours wrote: a stock arq client's, or one put in by hand
  local rank, record = next_rank(wanted), prefix .. 'nbq:job:' .. id
  if known then redis.call('DEL', record) end
  local fields = {'state', 'queued', 'queue', queue, 'key', KEYS[1], 'fence', fence or 0, 'rank', rank, 'submitted', now,
    'due', due, 'tries', tried[id] or 0}
  if stock then fields[#fields + 1], fields[#fields + 2] = 'stock', '1' end
  redis.call('HSET', record, unpack(fields))
  return rank
end

local function ready(id, due, wanted)
  -- make a job that is due ready; false where it stays as it is
  local found = read(prefix .. 'nbq:job:' .. id, 'state', 'rank', 'fence', 'queue')
  local known = found[1] or found[2] or found[3] or found[4]
  if not whole(found[2]) then found[1] = false end
  if stray(id, found[4]) then return true end
  if repeated(id, found[1]) then
    redis.call('ZREM', KEYS[1], id)
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    return true
  end
  if found[1] == 'running' then return true, CLAIMED_SCORE end
  if found[1] and not ended(found[1]) then
    redis.call('HSET', prefix .. 'nbq:job:' .. id, 'state', 'queued')
    redis.call('HDEL', prefix .. 'nbq:job:' .. id, 'reason')
    return true, found[2]
  end
  if elsewhere[id] then return false end
  return true, adopt(id, known, found[3], math.floor(due), wanted)
end

local passed = 0
repeat
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], READY_LIMIT, now, 'WITHSCORES', 'LIMIT', passed, 200)
  local ids, ranks, stay = {}, {}, 0
  for i = 1, #due, 2 do ids[#ids + 1] = due[i] end
  look(ids)
  for i, id in ipairs(ids) do
    local moved, rank = ready(id, due[2 * i], #ids - i + 1)
    if rank then ranks[#ranks + 1], ranks[#ranks + 2] = rank, id end
    if not moved then stay = stay + 1 end
  end
  if #ranks > 0 then redis.call('ZADD', KEYS[1], unpack(ranks)) end
  passed = passed + stay
  -- only where jobs run elsewhere does the next page have to be looked at too
until stay < 100 or passed >= 1000

local claimed, changes, expired = {}, {}, {}
local lane = '0'
-- written together at the end: what the engine holds, scores, marks for stock clients; and whose submissions to read
local held, scores, marks, submissions = {}, {}, {}, {}
local function expire(id, record, submitted)
  redis.call('ZREM', KEYS[1], id)
  keep_call(prefix, id, CALL_MS)
  redis.call('HSET', record, 'state', 'expired', 'finished', now)
  redis.call('PEXPIREAT', record, now + RECORD_MS)
  local about = redis.call('HMGET', record, 'function', 'label', 'group')
  records[#records + 1] = cjson.encode({job = id, attempt = 0, state = 'expired', queue = queue, ['function'] = about[1] or '',
    label = about[2] or about[1] or '', group = about[3] or '', submitted = tonumber(submitted)})
  redis.pcall('HINCRBY', prefix .. 'nbq:counts:' .. queue, 'expired', 1)
  leave_word(prefix, id, now)
  expired[#expired + 1] = id .. ' expired 0'
end

local nothing = {}
local names = #queue .. ' ' .. queue .. KEYS[1]
local untried = ' 0 0 0 ' .. (stock and 's ' or '- ') .. names
local function claim(id, record, found, rest)
  -- most jobs come for the first time and with nothing special
  local fence, charged, facts = '1', ' 0 0 0 ', untried
  if rest ~= nothing then
    fence = string.format('%d', count(found[2]) + 1)
    charged = string.format(' %d %d %d ', count(rest[1]), count(rest[2]), count(rest[3]))
    -- an attempt before may have left a checkpoint
    facts = charged .. (stock and 's' or '-') .. (fence ~= '1' and 'c ' or ' ') .. names
  end
  redis.call('HSET', record, 'state', 'running', 'fence', fence, 'engine', engine, 'started', now)
  held[#held + 1], held[#held + 2] = id, fence .. ' ' .. found[3] .. facts
  scores[#scores + 1], scores[#scores + 2] = CLAIMED_SCORE, id
  marks[#marks + 1], marks[#marks + 2] = prefix .. 'arq:in-progress:' .. id, '1'
  submissions[#submissions + 1] = prefix .. (rest[7] and 'nbq:parcel:' or 'arq:job:' .. id)
  changes[#changes + 1] = id .. ' running ' .. fence
  local about = fence .. charged .. found[4] .. ' ' .. (rest[4] or found[4]) .. (found[6] and ' 0 ' or ' 1 ') .. lane .. ' ' .. (rest[6] or '')
  claimed[#claimed + 1] = {id, about, rest[7] and '' or false}
end

local function consider(id)
  -- claim a job that is ready, or put it where it belongs; false where a stock worker runs it: its score is not ours then
  local record = prefix .. 'nbq:job:' .. id
  local found = read(record, 'state', 'fence', 'rank', 'submitted', 'queue', 'function', 'more')
  -- what only few jobs have: those that were claimed before, and those whose submit said that there is more
  local rest = (found[2] or found[7]) and redis.call('HMGET', record, 'tries', 'crashes', 'losses', 'due', 'expires', 'group', 'large')
    or nothing
  if not (whole(found[3]) and whole(found[4]) and (not rest[4] or whole(rest[4]))) then found[1] = false end
  if stray(id, found[5]) then return true end
  if repeated(id, found[1]) then
    redis.call('ZREM', KEYS[1], id)
    redis.call('DEL', prefix .. 'arq:job:' .. id)
    return true
  end
  if found[1] == 'running' then
    -- a stock client that aborts a running job takes it for a deferred one, and moves it to the front
    redis.call('ZADD', KEYS[1], CLAIMED_SCORE, id)
    return true
  end
  if elsewhere[id] then
    -- whatever becomes of it, our record of it does not stay for ever
    if found[1] then redis.call('PEXPIREAT', record, now + RECORD_MS) end
    return false
  end
  if not found[1] or ended(found[1]) then
    found = {'queued', found[2], tostring(adopt(id, true, found[2], now, 1)), tostring(now)}
    rest = (tried[id] or found[2]) and {string.format('%.0f', tried[id] or 0)} or nothing
  end
  if whole(rest[5]) and not found[2] and now > tonumber(found[4]) + tonumber(rest[5]) then
    expire(id, record, found[4])
  else
    claim(id, record, found, rest)
  end
  return true
end

local function take(low, high, room)
  local looked, passed, stay = 0, 0, 0
  repeat
    if looked >= room then break end
    stay = 0
    local ids = redis.call('ZRANGEBYSCORE', KEYS[1], low, high, 'LIMIT', looked + passed, room - looked)
    look(ids)
    for _, id in ipairs(ids) do
      if consider(id) then looked = looked + 1 else stay = stay + 1 end
    end
    passed = passed + stay
  until stay == 0 or passed >= 1000
  return looked
end

local in_loop, in_process = 0, 0

if redis.call('SISMEMBER', KEYS[4], queue) == 0 then
  in_loop = take('-inf', '(' .. PROCESS_RANK, tonumber(ARGV[4]))
  lane = '1'
  in_process = take(PROCESS_RANK, '(' .. READY_LIMIT, tonumber(ARGV[5]))
end
if #claimed > 0 then
  redis.call('HSET', KEYS[2], unpack(held))
  redis.call('ZADD', KEYS[1], unpack(scores))
  redis.call('MSET', unpack(marks))
  for i, submission in ipairs(redis.call('MGET', unpack(submissions))) do claimed[i][3] = claimed[i][3] or submission end
end
tell(KEYS[5], changes)
tell(KEYS[5], expired)
remember(prefix, KEYS[6], records)
local coming = redis.call('ZRANGEBYSCORE', KEYS[1], stock and '(' .. now or READY_LIMIT, '(' .. CLAIMED_SCORE, 'WITHSCORES', 'LIMIT', 0, 1)
return {now, coming[2] or '0', claimed, in_loop, in_process}
