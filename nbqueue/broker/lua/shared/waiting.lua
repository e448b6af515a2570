-- Jobs that wait: where they stand, and how one ends that never started.
local function place_of(prefix, about)
  -- the sorted set in which a waiting job stands: its queue's, or one of those that something holds back
  if about.parked then return prefix .. 'nbq:parked:' .. about.parked end
  return about.key or (prefix .. 'arq:queue:' .. about.queue)
end

local function unpark_all(prefix, queue, gate, ids)
  -- take jobs out of where they are held back; the last one takes the place with it
  local place = prefix .. 'nbq:parked:' .. queue .. ':' .. gate
  redis.call('ZREM', place, unpack(ids))
  if redis.call('EXISTS', place) == 0 then
    redis.call('ZREM', prefix .. 'nbq:gates:' .. queue, gate)
    redis.call('SREM', prefix .. 'nbq:behind:' .. gate, queue)
  end
end

local function unpark(prefix, id, about)
  unpark_all(prefix, about.queue, string.sub(about.parked, #about.queue + 2), {id})
end

local function park_all(prefix, queue, gate, places, till)
  -- hold ready jobs back behind a gate, to be looked at again from `till` on, or when somebody opens it; places: rank, id, ...
  redis.call('ZADD', prefix .. 'nbq:parked:' .. queue .. ':' .. gate, unpack(places))
  redis.call('ZADD', prefix .. 'nbq:gates:' .. queue, till or CLAIMED_SCORE, gate)
  redis.call('SADD', prefix .. 'nbq:behind:' .. gate, queue)
end

local function park(prefix, id, queue, gate, rank, reason, till)
  park_all(prefix, queue, gate, {rank, id}, till)
  redis.call('HSET', prefix .. 'nbq:job:' .. id, 'parked', queue .. ':' .. gate, 'reason', reason)
end

local function open_gate(prefix, gate)
  -- it may be open now: workers look at it
  for _, queue in ipairs(redis.call('SMEMBERS', prefix .. 'nbq:behind:' .. gate)) do
    redis.call('ZADD', prefix .. 'nbq:gates:' .. queue, 'XX', 0, gate)
    call_workers(prefix .. 'nbq:wake:' .. queue)
  end
end

local function open_limit(prefix, scope)
  -- the same with both gates of a limit: that of who set one, and that of jobs that brought theirs
  open_gate(prefix, 'l:' .. scope)
  open_gate(prefix, 'b:' .. scope)
end

local function take_start_back(prefix, id, scope)
  -- what was claimed and did not run has not started
  local started = redis.call('HGET', prefix .. 'nbq:job:' .. id, 'started')
  if started then redis.pcall('LREM', prefix .. 'nbq:starts:' .. scope, 1, started) end
end

local function give_tokens_back(prefix, engine, ids, unrun)
  -- jobs of an engine count for their limits no longer; `unrun`: ids of those that did not run
  local holds, leaving = prefix .. 'nbq:holds:' .. engine, {}
  for i, scopes in ipairs(redis.call('HMGET', holds, unpack(ids))) do
    for started, scope in string.gmatch(scopes or '', '([+-])([^\n]+)') do
      leaving[scope] = leaving[scope] or {}
      table.insert(leaving[scope], ids[i])
      if started == '+' and unrun and unrun[ids[i]] then take_start_back(prefix, ids[i], scope) end
    end
  end
  for scope, those in pairs(leaving) do
    if redis.call('SREM', prefix .. 'nbq:holding:' .. scope, unpack(those)) > 0 then open_limit(prefix, scope) end
  end
  redis.call('HDEL', holds, unpack(ids))
end

local function tags_of(text)
  -- the tags of a record as a line of the history has them; nothing where there are none
  if not text then return nil end
  local known, tags = pcall(cjson.decode, text)
  return known and type(tags) == 'table' and #tags > 0 and tags or nil
end

-- what `end_waiting` needs to know of a job
local WAITING = {'state', 'queue', 'key', 'parked', 'function', 'label', 'group', 'submitted', 'fence', 'priority', 'stock', 'hook', 'expires',
  'tags', 'due', 'parent', 'retry_of'}

local function end_waiting(prefix, id, about, ending, now, changes)
  -- end a job that waits, noted for the history; `ending` has its state, and what there is of error_type, error, stopped_by
  local record = prefix .. 'nbq:job:' .. id
  redis.call('DEL', prefix .. 'arq:retry:' .. id)
  keep_checkpoint(prefix, id)
  keep_call(prefix, id, about.stock and 0 or CALL_MS)
  if about.expires then redis.pcall('ZREM', prefix .. 'nbq:expiring', id) end
  if about.parked then unpark(prefix, id, about) else redis.call('ZREM', place_of(prefix, about), id) end
  redis.call('HSET', record, 'state', ending.state, 'finished', now)
  redis.call('HDEL', record, 'reason', 'parked')
  for _, name in ipairs({'error_type', 'error', 'stopped_by'}) do
    if ending[name] then redis.call('HSET', record, name, ending[name]) end
  end
  redis.call('PEXPIRE', record, record_ms(prefix, about.queue))
  redis.call('PEXPIRE', prefix .. 'nbq:log:' .. id, RECORD_MS)
  count_ended(prefix, about.queue, ending.state, 1, now)
  note(about.queue, cjson.encode({job = id, attempt = 0, state = ending.state, queue = about.queue,
    ['function'] = about['function'] or '', label = about.label or about['function'] or '', group = about.group or '',
    priority = tonumber(about.priority) or 0, submitted = tonumber(about.submitted), due = tonumber(about.due), tags = tags_of(about.tags),
    error_type = ending.error_type, error = ending.error, stopped_by = ending.stopped_by,
    parent = about.parent, retry_of = about.retry_of}))
  changes[#changes + 1] = id .. ' ' .. ending.state .. ' ' .. (about.fence or '0')
  regroup(about.group, about.state, nil)
  over(prefix, id, ending.state, about, now)
end
