-- Gates: what holds ready jobs back, and which of them may pass. Set up by `look_at_gates`, for one claim.
local gate = {}

local function look_at_gates(prefix, queue, engine, now, free)
  -- what is paused and limited now; mostly nothing. `free` is what the engine has of resources: name=amount, ...
  gate = {prefix = prefix, queue = queue, engine = engine, now = now, paused = {}, tags = false, set = {}, limits = {},
    free = {}, holds = {}, offers = free ~= ''}
  for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'nbq:pauses')) do
    gate.paused[name] = true
    gate.tags = gate.tags or string.sub(name, 1, 2) == 't:'
    gate.any = true
  end
  local set = redis.call('HGETALL', prefix .. 'nbq:limits')
  for i = 1, #set, 2 do
    local known, limit = pcall(cjson.decode, set[i + 1])
    gate.set[set[i]] = known and type(limit) == 'table' and limit or nil
    gate.any = true
  end
  for name, amount in string.gmatch(free, '([^=,]+)=([^,]+)') do gate.free[name] = tonumber(amount) end
end

local function needed(text)
  local found = {}
  for name, amount in string.gmatch(text, '([^=,]+)=([^,]+)') do found[name] = tonumber(amount) or math.huge end
  return found
end

local function times_free(needs)
  -- how many jobs with these needs fit into what is free
  local times = math.huge
  for name, amount in pairs(needed(needs)) do times = math.min(times, math.floor((gate.free[name] or 0) / amount + 1e-7)) end
  return times
end

local function limit_of(scope, own)
  -- the limit that counts for a job: what was set for a scope wins over what the job brought
  local limit = gate.set[scope] or own or {}
  return {concurrency = tonumber(limit.concurrency), rate = tonumber(limit.rate), per_ms = tonumber(limit.per_ms),
    burst = tonumber(limit.burst)}
end

local function counted(scope)
  -- what counts for a scope now: how many hold it, and who was let in by this claim
  local known = gate.limits[scope]
  if not known then
    known = {used = redis.call('SCARD', gate.prefix .. 'nbq:holding:' .. scope), taken = {}, rate = 0, per_ms = 0}
    gate.limits[scope] = known
  end
  return known
end

local function nth_start(scope, n)
  -- when the n-th last job under it started, those of this claim included
  local taken = #counted(scope).taken
  if taken >= n then return gate.now end
  return tonumber(redis.call('LINDEX', gate.prefix .. 'nbq:starts:' .. scope, n - 1 - taken) or nil)
end

local function closed_till(scope, limit)
  -- nil where one more job may start; else when it may, 0 where that is when another ends
  local now_there = limit.concurrency and counted(scope)
  if now_there and now_there.used + #now_there.taken >= limit.concurrency then return 0 end
  if not (limit.rate and limit.per_ms) then return nil end
  local last = nth_start(scope, limit.rate)
  if last and last > gate.now - limit.per_ms then return last + limit.per_ms end
  local burst = limit.burst and limit.burst < limit.rate and limit.burst
  if not burst then return nil end
  -- so many at once, and then no faster than the rate
  local span = limit.per_ms * burst / limit.rate
  last = nth_start(scope, burst)
  return last and last > gate.now - span and last + span or nil
end

local function scopes_of(job)
  -- the limits a job counts for: of its queue and function where some were set, and its own
  local found, own = {}, {}
  for _, scope in ipairs({'q:' .. gate.queue, 'f:' .. (job['function'] or '')}) do
    if gate.set[scope] then found[#found + 1] = scope end
  end
  local known, brought = pcall(cjson.decode, job.limits or '{}')
  for scope, limit in pairs(known and type(brought) == 'table' and brought or {}) do
    own[scope] = limit
    if not (gate.set[scope] and scope == 'f:' .. (job['function'] or '')) then found[#found + 1] = scope end
  end
  return found, own
end

local function closed_by_hand(id, job)
  -- the gate of its function, group or one of its tags, where that is paused
  for _, name in ipairs({'f:' .. (job['function'] or ''), 'g:' .. (job.group or '')}) do
    if gate.paused[name] then return name end
  end
  local text = gate.tags and redis.call('HGET', gate.prefix .. 'nbq:job:' .. id, 'tags')
  local known, tags = pcall(cjson.decode, text or '[]')
  for _, tag in ipairs(known and type(tags) == 'table' and tags or {}) do
    if gate.paused['t:' .. tostring(tag)] then return 't:' .. tag end
  end
  return nil
end

local function gate_before(id, job)
  -- the first gate that is closed for a job, and why; where none is, the job takes what it needs of each
  local closed = closed_by_hand(id, job)
  if closed then return closed, 'paused' end
  if job.needs and times_free(job.needs) < 1 then return 'r:' .. job.needs, 'limited', NEEDS_SCORE end
  local scopes, own = scopes_of(job)
  for _, scope in ipairs(scopes) do
    local till = closed_till(scope, limit_of(scope, own[scope]))
    if till then return 'l:' .. scope, 'limited', till > 0 and math.ceil(till) or nil end
  end
  for name, amount in pairs(job.needs and needed(job.needs) or {}) do gate.free[name] = gate.free[name] - amount end
  for _, scope in ipairs(scopes) do
    local known, limit = counted(scope), limit_of(scope, own[scope])
    known.taken[#known.taken + 1] = id
    known.rate, known.per_ms = math.max(known.rate, limit.rate or 0), math.max(known.per_ms, limit.per_ms or 0)
  end
  if #scopes > 0 then gate.holds[#gate.holds + 1], gate.holds[#gate.holds + 2] = id, table.concat(scopes, '\n') end
  return nil, #scopes > 0
end

local function take_tokens()
  -- write down who counts for which limit; an engine that dies gives it back by `nbq:holds:<engine>`
  for scope, known in pairs(gate.limits) do
    if #known.taken > 0 then
      redis.call('SADD', gate.prefix .. 'nbq:holding:' .. scope, unpack(known.taken))
      if known.rate > 0 then
        local starts, times = gate.prefix .. 'nbq:starts:' .. scope, {}
        for i = 1, #known.taken do times[i] = gate.now end
        redis.call('LPUSH', starts, unpack(times))
        redis.call('LTRIM', starts, 0, known.rate - 1)
        redis.call('PEXPIRE', starts, known.per_ms)
      end
    end
  end
  if #gate.holds > 0 then redis.call('HSET', gate.prefix .. 'nbq:holds:' .. gate.engine, unpack(gate.holds)) end
end

local function call_who_offers()
  -- somebody else may have what a job needs that was just held back: engines that offer anything are called themselves
  for _, engine in ipairs(redis.call('ZRANGE', gate.prefix .. 'nbq:leases', 0, -1)) do
    local offers = engine ~= gate.engine and redis.pcall('HGET', gate.prefix .. 'nbq:engine:' .. engine, 'resources')
    if type(offers) == 'string' and string.find(offers, ':', 1, true) then call_workers(gate.prefix .. 'nbq:wake:' .. engine) end
  end
end

local function free_starts(scope, limit, room)
  -- how many more may start under a limit of rate
  local starts = gate.prefix .. 'nbq:starts:' .. scope
  local free = limit.rate - redis.call('LLEN', starts)
  for _, ms in ipairs(redis.call('LRANGE', starts, -room, -1)) do
    if tonumber(ms) <= gate.now - limit.per_ms then free = free + 1 end
  end
  return math.min(free, limit.burst or room, room)
end

local function limit_before(name)
  -- the limit of a gate; one that jobs brought is known by the first that waits for it
  local scope = string.sub(name, 3)
  local first = redis.call('ZRANGE', gate.prefix .. 'nbq:parked:' .. gate.queue .. ':' .. name, 0, 0)[1]
  local text = first and redis.call('HGET', gate.prefix .. 'nbq:job:' .. first, 'limits')
  local known, brought = pcall(cjson.decode, text or '{}')
  return scope, limit_of(scope, known and type(brought) == 'table' and brought[scope] or nil)
end

local function may_pass(name, room)
  -- how many of those behind a gate may be let through now, and if none when it is looked at again
  local kind = string.sub(name, 1, 2)
  if kind == 'r:' then return math.min(times_free(string.sub(name, 3)), room), NEEDS_SCORE end
  if kind ~= 'l:' then return gate.paused[name] and 0 or room, gate.paused[name] and CLAIMED_SCORE or 0 end
  local scope, limit = limit_before(name)
  local till = closed_till(scope, limit)
  if till then return 0, till > 0 and math.ceil(till) or CLAIMED_SCORE end
  local known = limit.concurrency and counted(scope)
  local free = known and math.min(limit.concurrency - known.used - #known.taken, room) or room
  return limit.rate and math.min(free, free_starts(scope, limit, room)) or free, 0
end

local function let_through(name, key, low, high, most)
  -- the first of those behind a gate whose turn it would be; how many
  local place = gate.prefix .. 'nbq:parked:' .. gate.queue .. ':' .. name
  local found, scores = redis.call('ZRANGEBYSCORE', place, low, high, 'WITHSCORES', 'LIMIT', 0, most), {}
  for i = 1, #found, 2 do
    scores[#scores + 1], scores[#scores + 2] = found[i + 1], found[i]
    unpark(gate.prefix, found[i], {parked = gate.queue .. ':' .. name, queue = gate.queue})
    redis.call('HDEL', gate.prefix .. 'nbq:job:' .. found[i], 'parked', 'reason')
  end
  if #scores > 0 then redis.call('ZADD', key, unpack(scores)) end
  return #scores / 2
end

local function gates_to_look_at()
  -- those that may be open, the one that was looked at longest ago first; and of needs as many as can be looked at, which
  -- takes no question, where the engine offers anything
  local set = gate.prefix .. 'nbq:gates:' .. gate.queue
  local found = redis.call('ZRANGEBYSCORE', set, 0, gate.now, 'LIMIT', 0, GATES)
  if gate.offers then
    local count = redis.call('ZCOUNT', set, NEEDS_SCORE, NEEDS_SCORE)
    local first = count > NEEDS and gate.now % count or 0
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', set, NEEDS_SCORE, NEEDS_SCORE, 'LIMIT', first, NEEDS)) do
      if times_free(string.sub(name, 3)) > 0 then found[#found + 1] = name end
    end
  end
  return found
end

local function open_gates(key, lanes)
  -- put jobs back into the queue that may pass and would be claimed now; `lanes`: {low, high, room}, ...
  local gates = gates_to_look_at()
  for _, lane in ipairs(#gates > 0 and lanes or {}) do
    local low, high, room = unpack(lane)
    local last = room > 0 and redis.call('ZRANGEBYSCORE', key, low, high, 'WITHSCORES', 'LIMIT', room - 1, 1)[2] or high
    for _, name in ipairs(room > 0 and gates or {}) do
      local most = may_pass(name, room)
      if most > 0 then let_through(name, key, low, last, most) end
    end
  end
end

local function close_gates()
  -- say when those that are closed by now are to be looked at again; when the first of all is
  local set = gate.prefix .. 'nbq:gates:' .. gate.queue
  for _, name in ipairs(gates_to_look_at()) do
    local most, till = may_pass(name, 1)
    if till ~= NEEDS_SCORE then redis.call('ZADD', set, 'XX', most == 0 and till > 0 and till or gate.now, name) end
  end
  return redis.call('ZRANGEBYSCORE', set, '(' .. gate.now, '(' .. CLAIMED_SCORE, 'WITHSCORES', 'LIMIT', 0, 1)[2]
end
