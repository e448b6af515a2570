-- Gates: what holds ready jobs back, and which of them may pass. Set up by `look_at_gates`, for one claim.
local gate = {}

local function look_at_gates(prefix, queue, engine, now, free, lacks)
  -- what is paused and limited now; mostly nothing. `free` is what the engine has of resources: name=amount, ...; `lacks` what
  -- it leaves to others, which have it: json, or empty
  gate = {prefix = prefix, queue = queue, engine = engine, now = now, paused = {}, tags = false, set = {}, counts = {},
    free = {}, offers = free ~= '', holds = {}, scopes = {}, held_back = {}, lacks = {}, left = {},
    keys = string.find(lacks, '"key:', 1, true)}
  if lacks ~= '' then
    local known, found = pcall(cjson.decode, lacks)
    gate.lacks, gate.any = known and found or {}, true
  end
  for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'nbq:pauses')) do
    gate.paused[name] = true
    gate.by_hand = true
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

local function counts_for(scope)
  -- what counts for a limit now, whoever brought it: jobs under way, and those that this claim adds
  local count = gate.counts[scope]
  if not count then
    count = {under_way = redis.call('SCARD', gate.prefix .. 'nbq:holding:' .. scope), held = {}, started = 0, rate = 0,
      per_ms = 0}
    gate.counts[scope] = count
  end
  return count
end

local function limit_of(scope, own)
  -- what was set for a scope wins over what a job brought
  local found = gate.set[scope] or own or {}
  return {concurrency = tonumber(found.concurrency), rate = tonumber(found.per_ms) and tonumber(found.rate),
    per_ms = tonumber(found.per_ms), burst = tonumber(found.burst), count = counts_for(scope)}
end

local function nth_start(scope, limit, n)
  -- when the n-th last job under it started, those of this claim included
  local started = limit.count.started
  if started >= n then return gate.now end
  return tonumber(redis.call('LINDEX', gate.prefix .. 'nbq:starts:' .. scope, n - 1 - started) or nil)
end

local function free_places(limit)
  -- how many more may be under way at once
  return limit.concurrency and limit.concurrency - limit.count.under_way - #limit.count.held or math.huge
end

local function closed_till(scope, limit)
  -- nil where one more job may start; else when it may, 0 where that is when another ends
  if free_places(limit) <= 0 then return 0 end
  if not limit.rate then return nil end
  local last = nth_start(scope, limit, limit.rate)
  if last and last > gate.now - limit.per_ms then return last + limit.per_ms end
  local burst = limit.burst and limit.burst < limit.rate and limit.burst
  if not burst then return nil end
  -- so many at once, and then no faster than the rate
  local span = limit.per_ms * burst / limit.rate
  last = nth_start(scope, limit, burst)
  return last and last > gate.now - span and last + span or nil
end

local function scopes_of(job)
  -- the limits a job counts for: of its queue and function where some were set, and its own; mostly the same for many jobs
  local called, text = job['function'] or '', job.limits or '{}'
  local same = gate.scopes[called] or {}
  gate.scopes[called] = same
  if same[text] then return same[text] end
  local found = {own = {}}
  for _, scope in ipairs({'q:' .. gate.queue, 'f:' .. called}) do
    if gate.set[scope] then found[#found + 1] = scope end
  end
  local known, brought = pcall(cjson.decode, text)
  for scope, limit in pairs(known and type(brought) == 'table' and brought or {}) do
    found.own[scope] = limit
    if not (gate.set[scope] and scope == 'f:' .. called) then found[#found + 1] = scope end
  end
  -- as they are written down for the end of the job: + where its start counts, too
  local lines = {}
  for i, scope in ipairs(found) do
    local limit = gate.set[scope] or found.own[scope] or {}
    lines[i] = (tonumber(limit.rate) and tonumber(limit.per_ms) and '+' or '-') .. scope
  end
  found.lines = table.concat(lines, '\n')
  same[text] = found
  return found
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

local function lacked_for(id, job)
  -- what a job needs that this engine leaves to others: found out before, or it is called by that name or signed with that key
  if job.lacked and gate.lacks[job.lacked] then return job.lacked end
  local called = 'name:' .. (job['function'] or '')
  if not (gate.keys or gate.lacks[called]) then return nil end
  local head = redis.pcall('GETRANGE', gate.prefix .. 'arq:job:' .. id, 0, HEAD_BYTES)
  if type(head) ~= 'string' then return nil end
  local key = 'key:' .. (string.match(head, '^NBQ1 ([%w_-]+) ') or '')
  if gate.lacks[key] then return key end
  return gate.lacks[called] and string.find(head, '"by":"name"', 1, true) and called
end

local function count_start(id, limit)
  local count = limit.count
  count.held[#count.held + 1] = id
  if limit.rate then
    count.started = count.started + 1
    count.rate, count.per_ms = math.max(count.rate, limit.rate), math.max(count.per_ms, limit.per_ms)
  end
end

local function gate_before(id, job, needs)
  -- the first gate that is closed for a job, and why; where none is, the job takes what it needs of each
  local closed = gate.by_hand and closed_by_hand(id, job)
  if closed then return closed, 'paused' end
  local lacked = next(gate.lacks) and lacked_for(id, job)
  if lacked then
    gate.left[lacked] = true
    return 'n:' .. lacked, 'limited', gate.now
  end
  if needs and times_free(needs) < 1 then return 'r:' .. needs, 'limited', NEEDS_SCORE end
  local scopes, limits = scopes_of(job), {}
  for i, scope in ipairs(scopes) do
    limits[i] = limit_of(scope, scopes.own[scope])
    local till = closed_till(scope, limits[i])
    -- a limit that was set holds back all, one that jobs brought only those who brought it
    if till then return (gate.set[scope] and 'l:' or 'b:') .. scope, 'limited', till > 0 and math.ceil(till) or nil end
  end
  if needs then for name, amount in pairs(needed(needs)) do gate.free[name] = gate.free[name] - amount end end
  for _, limit in ipairs(limits) do count_start(id, limit) end
  if #scopes > 0 then gate.holds[#gate.holds + 1], gate.holds[#gate.holds + 2] = id, scopes.lines end
  return nil, #scopes > 0
end

local function take_tokens()
  -- write down who counts for which limit; an engine that dies gives it back by `nbq:holds:<engine>`
  for scope, count in pairs(gate.counts) do
    if #count.held > 0 then redis.call('SADD', gate.prefix .. 'nbq:holding:' .. scope, unpack(count.held)) end
    if count.started > 0 then
      local starts, times = gate.prefix .. 'nbq:starts:' .. scope, {}
      for i = 1, count.started do times[i] = gate.now end
      redis.call('LPUSH', starts, unpack(times))
      redis.call('LTRIM', starts, 0, count.rate - 1)
      -- those who bring another rate for the same may look further back
      if redis.call('PTTL', starts) < count.per_ms then redis.call('PEXPIRE', starts, count.per_ms) end
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

local function call_who_has()
  -- others have what this engine left to them just now: they are called themselves, as it may have heard the call for them
  for lacked in pairs(gate.left) do
    for _, engine in ipairs(gate.lacks[lacked]) do call_workers(gate.prefix .. 'nbq:wake:' .. engine) end
  end
end

local function free_starts(scope, limit, room)
  -- how many more may start under a limit of rate that lets one start
  local starts = gate.prefix .. 'nbq:starts:' .. scope
  local free = limit.rate - redis.call('LLEN', starts) - limit.count.started
  for _, ms in ipairs(redis.call('LRANGE', starts, -room, -1)) do
    if tonumber(ms) <= gate.now - limit.per_ms then free = free + 1 end
  end
  return math.min(math.max(free, 1), limit.burst or room, room)
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
  if kind == 'n:' then return gate.lacks[string.sub(name, 3)] and 0 or room, 0 end
  if kind ~= 'l:' and kind ~= 'b:' then return gate.paused[name] and 0 or room, gate.paused[name] and CLAIMED_SCORE or 0 end
  -- where a limit was taken away each goes by its own again
  if kind == 'l:' and not gate.set[string.sub(name, 3)] then return room, 0 end
  local scope, limit = limit_before(name)
  local till = closed_till(scope, limit)
  if till then return 0, till > 0 and math.ceil(till) or CLAIMED_SCORE end
  local free = math.min(free_places(limit), room)
  return limit.rate and math.min(free, free_starts(scope, limit, room)) or free, 0
end

local function hold_back(id, record, name, rank, reason, till)
  -- put a ready job behind a gate; its place is changed by `move_held_back`, with those of others
  local behind = gate.held_back[name] or {ids = {}, places = {}}
  gate.held_back[name] = behind
  behind.ids[#behind.ids + 1] = id
  behind.places[#behind.places + 1], behind.places[#behind.places + 2] = rank, id
  behind.till = till
  redis.call('HSET', record, 'parked', gate.queue .. ':' .. name, 'reason', reason)
end

local function move_held_back(key)
  for name, behind in pairs(gate.held_back) do
    redis.call('ZREM', key, unpack(behind.ids))
    park_all(gate.prefix, gate.queue, name, behind.places, behind.till)
  end
  gate.held_back = {}
end

local function let_through(name, key, low, high, most)
  -- the first of those behind a gate whose turn it would be
  local place = gate.prefix .. 'nbq:parked:' .. gate.queue .. ':' .. name
  local found, scores, ids = redis.call('ZRANGEBYSCORE', place, low, high, 'WITHSCORES', 'LIMIT', 0, most), {}, {}
  if #found == 0 then return end
  for i = 1, #found, 2 do
    ids[#ids + 1] = found[i]
    scores[#scores + 1], scores[#scores + 2] = found[i + 1], found[i]
    redis.call('HDEL', gate.prefix .. 'nbq:job:' .. found[i], 'parked', 'reason')
  end
  unpark_all(gate.prefix, gate.queue, name, ids)
  redis.call('ZADD', key, unpack(scores))
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

local function open_gates(key, low, high, passed, room)
  -- put jobs back into the queue that may pass and would be among the next `room` to be claimed in their lane
  local gates = gates_to_look_at()
  if #gates == 0 then return end
  local last = redis.call('ZRANGEBYSCORE', key, low, high, 'WITHSCORES', 'LIMIT', passed + room - 1, 1)[2] or high
  for _, name in ipairs(gates) do
    local most = may_pass(name, room)
    if most > 0 then let_through(name, key, low, last, most) end
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
