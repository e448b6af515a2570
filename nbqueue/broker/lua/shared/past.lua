-- The history: a line for each attempt that ended.
local function trim(history, total)
  -- leave out entries whose last attempt is older than the count allows; an entry that is not ours goes too
  local least = total - ATTEMPTS
  repeat
    local oldest = redis.call('XRANGE', history, '-', '+', 'COUNT', 20)
    local last, kept = nil, nil
    for _, entry in ipairs(oldest) do
      local to = tonumber(entry[2][4]) or 0
      if to > least and to <= total then kept = entry[1] break end
      last = entry[1]
    end
    if last then redis.call('XTRIM', history, 'MINID', kept or last) end
    if last and not kept then redis.call('XDEL', history, last) end
  until kept or not last
end

local function counted_to(history, counter, added)
  -- how many attempts there have been with these; a counter that was lost goes on from the newest entry
  local total = redis.pcall('INCRBY', counter, added)
  if type(total) ~= 'number' then
    redis.call('DEL', counter)
    total = redis.call('INCRBY', counter, added)
  end
  local newest = total == added and redis.call('XREVRANGE', history, '+', '-', 'COUNT', 1)[1]
  local before = newest and tonumber(newest[2][4]) or 0
  if before > 0 and before < 1000000000000 then total = redis.call('INCRBY', counter, before) end
  return total
end

local function put(history, counter, records, first, last)
  local total = counted_to(history, counter, last - first + 1)
  redis.call('XADD', history, '*', 'records', table.concat(records, '\n', first, last), 'to', total)
  -- looked at now and then: what is over the bound is little
  if math.floor(total / 512) ~= math.floor((total - (last - first + 1)) / 512) then trim(history, total) end
end

local function remember(prefix, history, records)
  -- attempts for the history, some an entry: the records as JSON, a line each, and how many there have been up to here
  for first = 1, #records, 32 do
    pcall(put, history, prefix .. 'nbq:attempts', records, first, math.min(first + 31, #records))
  end
end
