#!lua flags=no-writes,allow-oom
-- Say how queues stand: how many jobs wait, since when the oldest does, how many ended and how many of them not well.
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] json    gates that are not looked at: {"<queue>": ["<gate>", ...]}
-- ARGV[3..] text  queue names
-- Returns: {now ms, {depth, due ms of the oldest that waits or 0, ended, ended badly}, ...}
local prefix, now, passed = ARGV[1], server_ms(), cjson.decode(ARGV[2])

local function due_of(id)
  local found = redis.pcall('HMGET', prefix .. 'nbq:job:' .. id, 'due', 'submitted')
  return not found.err and tonumber(found[1] or found[2]) or now
end

local function oldest_in(key)
  -- ranks of one priority stand in the order of submission: the first of each is looked at
  local oldest, low = now, '-inf'
  for _ = 1, 400 do
    local first = redis.call('ZRANGEBYSCORE', key, low, '(' .. READY_LIMIT, 'WITHSCORES', 'LIMIT', 0, 1)
    local rank = tonumber(first[2])
    if not rank then break end
    oldest = math.min(oldest, due_of(first[1]))
    low = string.format('%.0f', (math.floor(rank / RANKS_A_PRIORITY) + 1) * RANKS_A_PRIORITY)
  end
  return oldest
end

local function total(counts, names)
  local sum = 0
  for i = 1, #counts, 2 do
    if not names or names[counts[i]] then sum = sum + (tonumber(counts[i + 1]) or 0) end
  end
  return sum
end

local ENDS = {succeeded = true, failed = true, timed_out = true, crashed = true, expired = true}
local BAD = {failed = true, timed_out = true, crashed = true, expired = true}

local function is_passed(queue, gate)
  -- what waits for other jobs is not late
  if gate == 'blocked' then return true end
  for _, name in ipairs(passed[queue] or {}) do
    if name == gate then return true end
  end
  return false
end

local function measured(queue)
  local key = prefix .. 'arq:queue:' .. queue
  local depth = redis.call('ZCOUNT', key, '-inf', now)
  local oldest = oldest_in(key)
  local due = redis.call('ZRANGEBYSCORE', key, READY_LIMIT, now, 'WITHSCORES', 'LIMIT', 0, 1)
  if due[2] then oldest = math.min(oldest, tonumber(due[2])) end
  for _, gate in ipairs(redis.call('ZRANGE', prefix .. 'nbq:gates:' .. queue, 0, -1)) do
    if not is_passed(queue, gate) then
      local parked = prefix .. 'nbq:parked:' .. queue .. ':' .. gate
      depth = depth + redis.call('ZCARD', parked)
      oldest = math.min(oldest, oldest_in(parked))
    end
  end
  local counts = redis.call('HGETALL', prefix .. 'nbq:counts:' .. queue)
  return {depth, depth > 0 and oldest or 0, total(counts, ENDS), total(counts, BAD)}
end

local replies = {now}
for i = 3, #ARGV do
  local good, found = pcall(measured, ARGV[i])
  -- a key of a wrong type must not keep the alerts of other queues from being heard
  replies[#replies + 1] = good and found or {0, 0, 0, 0}
end
return replies
