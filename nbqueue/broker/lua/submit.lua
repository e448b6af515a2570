#!lua
-- Accept jobs: store each submission, put it into its queue, wake workers. Known ids change nothing.
-- With: past, groups, waiting, owned
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- KEYS[2] string  submission counter: nbq:sequence
-- KEYS[3] list    wake-up tokens of the queue: nbq:wake:<queue>
-- KEYS[4] set     known queues: nbq:queues
-- KEYS[5] zset    jobs and groups of the submitter: nbq:owner:<digest>
-- KEYS[6] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    queue name
-- ARGV[3] json    what the jobs have in common: lane (0 event loop, 1 process), priority (-99 to 99), function; and where it is
--                 not the usual delay ms, at ms (may start from then on), expires ms (do not start later than this after submit),
--                 max_tries, label, group and size (its jobs in all), retry_of, parent, tags, hook, needs, limits (json, each a
--                 text), on_parent ("skip" or "run"), once ("unique", "debounce" or "cache"), window ms, force,
--                 named (workers know the function by its name)
-- ARGV[4] int     values per job: 2, or 3 with what is its own
-- ARGV[5..] bytes  per job: id, sealed submission (empty: it was sent ahead to nbq:parcel:<id>:0), and if there are 3 json: after
--                 (ids of jobs and groups it waits for), digest (of function and arguments), blobs (digests of large pieces of its call)
-- Returns: per job its state if it is new, "exists", or "same <id>" where another job stands for it; or BLOBS and the
--          digests of those that are not there: then nothing was accepted
-- Moves: none -> queued, none -> scheduled, scheduled -> cancelled
local prefix, queue, common, width = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), tonumber(ARGV[4])
local now = server_ms()
local count = (#ARGV - 4) / width

local function is_of_its_own(parent)
  -- a job that runs in the queue submits: it could not end otherwise, and neither could who waits for the queue to be empty
  local job = read_fields(prefix .. 'nbq:job:' .. (parent or ''), {'state', 'queue'})
  return parent and job.state == 'running' and job.queue == queue
end
if redis.call('SISMEMBER', prefix .. 'nbq:closed', queue) == 1 and not is_of_its_own(common.parent) then
  return redis.error_reply('CLOSED queue "' .. queue .. '" takes no more jobs: Queue("' .. queue .. '").open() lets it, or use another')
end

local window = common.window or 0
local wait = math.max(common.delay or 0, common.once == 'debounce' and window or 0)
local due = math.max(now + wait, common.at or 0)
if common.at and common.expires and due >= now + common.expires then
  return redis.error_reply(string.format('LATE job not accepted: by at= and the clock of the server the job may start in %.3f s, and expires in %.3f s; give expires= more than that, or an earlier at=', (due - now) / 1000, common.expires / 1000))
end
if common.named then
  -- where the submit says nothing of limits and resources, what workers say of the function holds; so does the lane
  local text = redis.pcall('HGET', prefix .. 'nbq:terms', common['function'])
  local is_read, terms = pcall(cjson.decode, type(text) == 'string' and text or '{}')
  if is_read and type(terms) == 'table' then
    for _, field in ipairs({'limits', 'needs'}) do
      if type(terms[field]) == 'string' then common[field] = common[field] or terms[field] end
    end
    if terms.lane == 'process' then common.lane = 1 end
  end
end

local known, records, own = {}, {}, {}
for i = 1, count do
  local at = 5 + width * (i - 1)
  local id = ARGV[at]
  if ARGV[at + 1] == '' and redis.call('EXISTS', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'nbq:job:' .. id) == 0 then
    return redis.error_reply('GONE the submission of job ' .. id .. ' was removed on its way: submit it again')
  end
  records[i] = prefix .. 'nbq:job:' .. id
  own[i] = width == 3 and cjson.decode(ARGV[at + 2]) or {}
end

local ends = {}
local function end_of(parent)
  -- the state a job or group has ended in, "live", or nothing where there is none
  if ends[parent] == nil then
    local state = redis.call('HGET', prefix .. 'nbq:job:' .. parent, 'state')
    local group = not state and read_fields(prefix .. 'nbq:group:' .. parent, {'left', 'total', 'succeeded'})
    if group and group.left then
      state = tonumber(group.left) > 0 and 'live' or group.total == group.succeeded and 'succeeded' or 'failed'
    end
    ends[parent] = state and (is_final(state) and state or 'live') or false
  end
  return ends[parent]
end
for i = 1, count do
  for _, parent in ipairs(own[i].after or {}) do
    if not end_of(parent) then return redis.error_reply('PARENT the server knows no job or group "' .. parent .. '" to wait for: submit it first') end
  end
end

local lacking, looked_for = {'BLOBS'}, {}
for i = 1, count do
  for _, digest in ipairs(own[i].blobs or {}) do
    if not looked_for[digest] and redis.call('EXISTS', prefix .. 'nbq:blob:' .. digest) == 0 then lacking[#lacking + 1] = digest end
    if not looked_for[digest] then redis.call('HLEN', prefix .. 'nbq:blob-users:' .. digest) end
    looked_for[digest] = true
  end
end
if #lacking > 1 then return lacking end

-- as a rule none is known: then nobody is asked about one by one
local all_new = true
for start = 1, count, 1000 do
  if redis.call('EXISTS', unpack(records, start, math.min(start + 999, count))) > 0 then all_new = false break end
end
-- keys of a wrong type are refused here, before anything is written
redis.call('ZCARD', KEYS[1])
redis.call('ZCARD', KEYS[5])
local tokens_there = redis.call('LLEN', KEYS[3])
local sequence = redis.call('INCRBY', KEYS[2], count) - count
local base = common.lane * PROCESS_RANK + (99 - common.priority) * RANKS_A_PRIORITY

local later = due > now
local state = later and 'scheduled' or 'queued'
-- what the records of the batch have in common; `more` tells the claiming script that there is more: 1, to be read; or 0,
-- the group, a line's end and the limits, where there is nothing else
local fields, more = {'state', state, 'queue', queue, 'function', common['function'], 'submitted', now}, later
local function add(name, value, is_more)
  if value == nil then return end
  fields[#fields + 1], fields[#fields + 2] = name, type(value) == 'number' and string.format('%.0f', value) or value
  more = more or is_more
end
if later then add('due', due) end
add('label', common.label)
if common.priority ~= 0 then add('priority', common.priority) end
add('expires', common.expires, true)
add('max_tries', common.max_tries)
add('group', common.group)
add('retry_of', common.retry_of)
add('parent', common.parent)
add('tags', common.tags)
add('hook', common.hook, true)
add('needs', common.needs, true)
add('limits', common.limits)
add('on_parent', common.on_parent)
if more then add('more', '1')
elseif common.group or common.limits then add('more', '0' .. (common.group or '') .. '\n' .. (common.limits or '')) end
local shared_fields = #fields
fields[shared_fields + 1] = 'rank'

local replies, fresh, changes = {}, 0, {}
-- written together at the end, a chunk at a time
local texts, scores, owned, members, expiring = {}, {}, {}, {}, {}
local function flush()
  if #texts > 0 then redis.call('MSET', unpack(texts)) end
  if #scores > 0 then redis.call('ZADD', KEYS[1], unpack(scores)) end
  if #owned > 0 then redis.call('ZADD', KEYS[5], unpack(owned)) end
  if #members > 0 then redis.call('RPUSH', prefix .. 'nbq:members:' .. common.group, unpack(members)) end
  -- who claims a job looks at its time once more: of a wrong type, this is no reason to refuse it
  if #expiring > 0 then redis.pcall('ZADD', prefix .. 'nbq:expiring', unpack(expiring)) end
  texts, scores, owned, members, expiring = {}, {}, {}, {}, {}
end

local function stands_in(id, digest)
  -- the job that stands for all of the same function and arguments, where there is one; else this one does from now on
  local key = prefix .. 'nbq:once:' .. common.once .. ':' .. digest
  local other = not common.force and redis.call('GET', key)
  local about = other and read_fields(prefix .. 'nbq:job:' .. other, WAITING) or {}
  if common.once == 'debounce' then
    if about.state == 'scheduled' and not about.fence then
      -- the one before may be of this very batch
      flush()
      end_waiting(prefix, other, about, {state = 'cancelled', stopped_by = 'debounce'}, now, changes)
    end
  elseif about.state and not (common.once == 'cache' and redis.call('HGET', prefix .. 'nbq:job:' .. other, 'cancel')) then
    local ended = common.once == 'cache' and is_final(about.state)
    local finished = ended and tonumber(redis.call('HGET', prefix .. 'nbq:job:' .. other, 'finished')) or 0
    if not ended or (about.state == 'succeeded' and now - finished <= window
        and redis.call('EXISTS', prefix .. 'arq:result:' .. other) == 1) then
      return other
    end
  end
  redis.call('SET', key, id, 'PX', common.once == 'unique' and window or RECORD_MS)
  return nil
end

local used = {}
local function use_blobs(record, digests)
  -- whatever ends the job counts them down again
  redis.call('HSET', record, 'blobs', table.concat(digests, ' '), 'more', '1')
  for _, digest in ipairs(digests) do used[digest] = (used[digest] or 0) + 1 end
end

local noted = {}
local function note_parent(parent)
  -- once for all jobs of the batch that come after it
  if noted[parent] then return end
  noted[parent] = true
  redis.call('PEXPIRE', prefix .. 'nbq:heirs:' .. parent, RECORD_MS)
  -- its result is there when they start, and a week more
  redis.pcall('PEXPIREAT', prefix .. 'arq:result:' .. parent, due + PARENT_MS, 'GT')
  local ended = end_of(parent)
  if ended ~= 'succeeded' then redis.call('SADD', prefix .. 'nbq:parents', parent) end
  if ended ~= 'succeeded' and ended ~= 'live' then settle_later(prefix, parent, ended) end
end

local function wait_for(id, parents, rank)
  -- behind the jobs and groups it waits for; false where all have ended well already
  local pending = 0
  for _, parent in ipairs(parents) do
    redis.call('SADD', prefix .. 'nbq:heirs:' .. parent, id)
    if end_of(parent) ~= 'succeeded' then
      pending = pending + 1
      redis.call('SADD', prefix .. 'nbq:children:' .. parent, id)
    end
    note_parent(parent)
  end
  local record = prefix .. 'nbq:job:' .. id
  redis.call('HSET', record, 'after', cjson.encode(parents))
  if pending > 0 then
    redis.call('HSET', record, 'waits_for', pending)
    park(prefix, id, queue, 'blocked', rank, 'blocked')
  end
  return pending > 0
end

for i = 1, count do
  local at = 5 + width * (i - 1)
  local id, submission, record = ARGV[at], ARGV[at + 1], records[i]
  local other = nil
  if known[id] or (not all_new and redis.call('EXISTS', record) == 1) then
    replies[i] = 'exists'
  elseif own[i].digest then
    other = stands_in(id, own[i].digest)
    if other then replies[i] = 'same ' .. other end
  end
  if replies[i] then
    if submission == '' then redis.call('UNLINK', prefix .. 'nbq:parcel:' .. id .. ':0') end
  else
    local rank = base + (sequence + i) % RANKS_A_PRIORITY
    fields[shared_fields + 2] = rank
    redis.call('HSET', record, unpack(fields, 1, shared_fields + 2))
    if submission == '' then
      redis.call('RENAME', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'arq:job:' .. id)
      redis.call('PERSIST', prefix .. 'arq:job:' .. id)
      redis.call('HSET', record, 'large', '1', 'more', '1')
    else
      texts[#texts + 1], texts[#texts + 2] = prefix .. 'arq:job:' .. id, submission
    end
    if own[i].blobs then use_blobs(record, own[i].blobs) end
    if not (own[i].after and wait_for(id, own[i].after, rank)) then
      scores[#scores + 1], scores[#scores + 2] = later and due or rank, id
    end
    -- a group whose jobs are listed stands for them
    if common.size then members[#members + 1] = id
    else owned[#owned + 1], owned[#owned + 2] = now, id end
    if common.expires then expiring[#expiring + 1], expiring[#expiring + 2] = now + common.expires, id end
    replies[i], fresh, known[id] = state, fresh + 1, true
    if #texts >= 1000 or #scores >= 1000 or #owned >= 1000 or #members >= 1000 then flush() end
  end
end
flush()
for digest, users in pairs(used) do
  redis.call('HINCRBY', prefix .. 'nbq:blob-users:' .. digest, 'count', users)
  redis.call('PERSIST', prefix .. 'nbq:blob-users:' .. digest)
  redis.call('PERSIST', prefix .. 'nbq:blob:' .. digest)
end
if fresh > 0 then
  if common.retry_of and redis.call('EXISTS', prefix .. 'nbq:job:' .. common.retry_of) == 1 then
    redis.call('HSET', prefix .. 'nbq:job:' .. common.retry_of, 'retried_by', ARGV[5])
  end
  if common.size then
    redis.call('ZADD', KEYS[5], now, 'group ' .. common.group)
    local group = prefix .. 'nbq:group:' .. common.group
    if redis.call('HSETNX', group, 'total', common.size) == 1 then redis.call('HSET', group, 'left', common.size) end
    redis.call('HINCRBY', group, state, fresh)
    local list = prefix .. 'nbq:members:' .. common.group
    local is_whole = redis.call('LLEN', list) >= tonumber(redis.call('HGET', group, 'total'))
    -- it stays until its jobs have ended; one that they never all came to does not stay for ever
    for _, key in ipairs({group, list}) do
      if is_whole then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, RECORD_MS + due - now) end
    end
  end
  redis.call('SADD', KEYS[4], queue)
  count_minute(prefix, queue, 'submitted', fresh, now)
  keep_owned(prefix, KEYS[5], now)
  redis.call('PEXPIRE', KEYS[5], math.max(redis.call('PTTL', KEYS[5]), RECORD_MS + due - now))
  local tokens = math.min(fresh, TOKENS - tokens_there)
  for _ = 1, tokens do redis.call('LPUSH', KEYS[3], later and 'due' or 'ready') end
  if tokens > 0 then redis.call('PEXPIRE', KEYS[3], TOKEN_MS) end
end
write_groups(prefix)
remember(prefix)
tell(KEYS[6], changes)
return replies
