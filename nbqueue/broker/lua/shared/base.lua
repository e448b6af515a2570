-- What all scripts share; it stands in front of each, behind the numbers of broker/bounds.py.
local read_ms
local function server_ms()
  -- one moment for the whole script; a server's clock stands still meanwhile, that of a store in this process does not
  if not read_ms then
    local clock = redis.call('TIME')
    read_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
  end
  return read_ms
end

local function whole(text)
  return text and #text < 16 and string.find(text, '^%d+$')
end

local function is_final(state)
  return state and state ~= 'queued' and state ~= 'scheduled' and state ~= 'running'
end

local function read_fields(key, names)
  -- some fields of a hash by their names; nothing where another type stands there
  local found, fields = redis.pcall('HMGET', key, unpack(names)), {}
  if found.err then return fields end
  for i, name in ipairs(names) do fields[name] = found[i] or nil end
  return fields
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

local function let_blob_end(blob, users)
  -- nobody uses it: it goes in a moment, or when what failed with it can be retried no longer
  local told = redis.pcall('HMGET', users, 'count', 'till', 'failed')
  if told.err or (tonumber(told[1] or 0) or 0) > 0 then return end
  local till = server_ms() + BLOB_MS
  if (tonumber(told[3] or 0) or 0) > 0 then till = math.max(till, tonumber(told[2] or 0) or 0) end
  redis.call('PEXPIREAT', users, till)
  redis.call('PEXPIREAT', blob, till)
end

local function each_blob(prefix, digests, act)
  for digest in string.gmatch(digests or '', '%x+') do
    act(prefix .. 'nbq:blob:' .. digest, prefix .. 'nbq:blob-users:' .. digest)
  end
end

local function let_blobs_go(prefix, id, digests, ms)
  -- a job that ended uses the large pieces of its arguments no longer; `ms`: so long it can be retried
  if not digests then return end
  redis.call('HDEL', prefix .. 'nbq:job:' .. id, 'blobs')
  if ms > 0 then redis.call('HSET', prefix .. 'nbq:job:' .. id, 'kept_blobs', digests) end
  each_blob(prefix, digests, function(blob, users)
    redis.pcall('HINCRBY', users, 'count', -1)
    if ms > 0 then
      local till = tonumber(redis.pcall('HGET', users, 'till') or nil) or 0
      redis.pcall('HSET', users, 'till', math.max(till, server_ms() + ms))
      redis.pcall('HINCRBY', users, 'failed', 1)
    end
    let_blob_end(blob, users)
  end)
end

local function blobs_of(prefix, id, field)
  -- the digests of the large pieces of a job's arguments, while it uses them; or with `kept_blobs` since it failed
  local found = redis.pcall('HGET', prefix .. 'nbq:job:' .. id, field or 'blobs')
  return type(found) == 'string' and found or nil
end

local function forget_blobs(prefix, id)
  -- a job that failed is retried no more
  each_blob(prefix, blobs_of(prefix, id, 'kept_blobs'), function(blob, users)
    if redis.call('EXISTS', users) == 1 then
      redis.pcall('HINCRBY', users, 'failed', -1)
      let_blob_end(blob, users)
    end
  end)
end

local function keep_call(prefix, id, ms)
  -- the submission of a job that did not succeed stays for a while, so that anybody can retry it; a large one goes
  local submission, digests = prefix .. 'arq:job:' .. id, blobs_of(prefix, id)
  local size, large = redis.pcall('STRLEN', submission), 0
  each_blob(prefix, digests, function(blob) large = large + (tonumber(redis.pcall('STRLEN', blob)) or 0) end)
  local is_kept = type(size) == 'number' and size <= CALL_BYTES and large <= CALL_BLOB_BYTES
  ms = is_kept and math.min(ms, RECORD_MS) or 0
  if ms > 0 then redis.call('PEXPIRE', submission, ms) else redis.call('DEL', submission) end
  let_blobs_go(prefix, id, digests, ms)
end

local function keep_checkpoint(prefix, id)
  -- for a day its last checkpoint stays too, which the job that retries it starts from
  redis.call('PEXPIRE', prefix .. 'nbq:checkpoint:' .. id, CALL_MS)
end
