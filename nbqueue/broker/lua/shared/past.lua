-- The history: a line for each attempt that ended, in a stream of its queue.
local lines_of, kept_ms = {}, {}

local function count_minute(prefix, queue, what, number, now)
  -- a hash has an hour, so that what is kept of a queue does not grow with its jobs
  local minute = math.floor(now / 60000)
  local key = prefix .. 'nbq:minutes:' .. math.floor(minute / 60) .. ':' .. queue
  if redis.pcall('HINCRBY', key, minute % 60 .. ' ' .. what, number) == number then redis.call('PEXPIRE', key, MINUTES_MS) end
end

local function note(queue, line)
  -- an attempt of the queue ended; written together by `remember`
  lines_of[queue] = lines_of[queue] or {}
  table.insert(lines_of[queue], line)
end

local function count_ended(prefix, queue, state, number, now)
  -- so many jobs of the queue ended so: in all, and in this minute
  redis.pcall('HINCRBY', prefix .. 'nbq:counts:' .. queue, state, number)
  count_minute(prefix, queue, state, number, now)
end

local function record_ms(prefix, queue)
  -- how long the record of a job that ended is there should nobody forget it: who forgets its lines does so, mostly sooner
  if not kept_ms[queue] then
    local set = redis.pcall('HGET', prefix .. 'nbq:retention', queue)
    local age = tonumber(type(set) == 'string' and string.match(set, '^(%d+) ') or nil) or 0
    kept_ms[queue] = DAY_MS + math.max(age, RECORD_MS)
  end
  return kept_ms[queue]
end

local function next_id(counters, added)
  -- later than those of all queues, so that who read up to one goes on after it
  local last = redis.pcall('HGET', counters, 'at')
  if type(last) == 'table' then redis.call('DEL', counters) end
  local at = math.max(server_ms(), type(last) == 'string' and tonumber(last) or 0)
  redis.call('HSET', counters, 'at', string.format('%.0f', at))
  return string.format('%.0f-%.0f', at, redis.call('HINCRBY', counters, 'total', added))
end

local function counted_to(prefix, queue, added)
  -- how many attempts of the queue there have been with these; a counter that was lost goes on from the newest entry
  local field, stream = 'q:' .. queue, prefix .. 'nbq:history:' .. queue
  local total = redis.call('HINCRBY', prefix .. 'nbq:histories', field, added)
  if total ~= added then return total end
  redis.call('SADD', prefix .. 'nbq:queues', queue)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  local before = newest and tonumber(newest[2][4]) or 0
  if before <= 0 or before > 1000000000000 then return total end
  return redis.call('HINCRBY', prefix .. 'nbq:histories', field, before)
end

local function put(prefix, queue, lines, first, last)
  local stream, added = prefix .. 'nbq:history:' .. queue, last - first + 1
  local text, id = table.concat(lines, '\n', first, last), next_id(prefix .. 'nbq:histories', added)
  local total = counted_to(prefix, queue, added)
  local written = redis.pcall('XADD', stream, id, 'records', text, 'to', total)
  if type(written) == 'table' then
    -- somebody wrote an entry of a later time: all that come now are later still
    local placed = redis.call('XADD', stream, '*', 'records', text, 'to', total)
    redis.call('HSET', prefix .. 'nbq:histories', 'at', string.match(placed, '^%d+'))
  end
end

local function remember(prefix)
  -- write what was noted, some attempts an entry: the records as JSON, a line each, and how many there have been up to here
  for queue, lines in pairs(lines_of) do
    for first = 1, #lines, 32 do pcall(put, prefix, queue, lines, first, math.min(first + 31, #lines)) end
  end
  lines_of = {}
end
