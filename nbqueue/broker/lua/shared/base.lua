-- What several scripts share; it stands in front of each, behind the constants of broker/keys.py.
local function server_ms()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end

-- What is told and remembered comes after what counts, and never undoes it: a key that is not ours any more costs only itself.
local function tell(events, lines, result)
  -- followers: lines of `id state fence`, and of one job that ended its result, where it is small
  if #lines == 1 and result then
    redis.pcall('XADD', events, 'MAXLEN', '~', EVENTS, '*', 'jobs', lines[1], 'result', result)
  elseif #lines > 0 then
    redis.pcall('XADD', events, 'MAXLEN', '~', EVENTS, '*', 'jobs', table.concat(lines, '\n'))
  end
end

local function call_workers(wake)
  -- one token for an idle worker; a few are enough, as each claims all it can
  if redis.call('LLEN', wake) < TOKENS then
    redis.call('LPUSH', wake, 'ready')
    redis.call('PEXPIRE', wake, TOKEN_MS)
  end
end

local function leave_word(prefix, id, now)
  -- where a job that ended asked for word of it, a worker leaves it
  local asked = redis.pcall('HEXISTS', prefix .. 'nbq:job:' .. id, 'hook')
  if asked == 1 then redis.pcall('ZADD', prefix .. 'nbq:hooks', now, id) end
end

local function keep_call(prefix, id, ms)
  -- the submission of a job that did not succeed stays for a while, so that anybody can retry it; a large one goes
  local submission = prefix .. 'arq:job:' .. id
  local size = redis.pcall('STRLEN', submission)
  if ms > 0 and type(size) == 'number' and size <= CALL_BYTES then
    redis.call('PEXPIRE', submission, math.min(ms, RECORD_MS))
  else
    redis.call('DEL', submission)
  end
end

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
