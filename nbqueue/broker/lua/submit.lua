#!lua
-- Accept jobs: store each submission, put it into its queue, wake workers. Known ids change nothing.
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- KEYS[2] string  submission counter: nbq:sequence
-- KEYS[3] list    wake-up tokens of the queue: nbq:wake:<queue>
-- KEYS[4] set     known queues: nbq:queues
-- KEYS[5] zset    jobs of the submitter: nbq:owner:<digest>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    queue name
-- ARGV[3] int     lane: 0 event loop, 1 process
-- ARGV[4] int     priority, -99 to 99
-- ARGV[5] ms      delay
-- ARGV[6] ms      moment from which the jobs may start, or 0
-- ARGV[7] ms      expires: do not start later than this after submit, or 0
-- ARGV[8] int     tries in all
-- ARGV[9] text    function
-- ARGV[10] text   label
-- ARGV[11] text   group id, or empty
-- ARGV[12] text   id of the job this one retries, or empty
-- ARGV[13] json   tags
-- ARGV[14] text   where word is left when the jobs end, or empty
-- ARGV[15..] bytes  per job: id, sealed submission (empty: it was sent ahead to nbq:parcel:<id>:0)
-- Returns: per job its state if it is new, or "exists"
-- Moves: none -> queued, none -> scheduled
local prefix, queue = ARGV[1], ARGV[2]
local now = server_ms()
local due = math.max(now + tonumber(ARGV[5]), tonumber(ARGV[6]))
local later = due > now
local state = later and 'scheduled' or 'queued'
local count = (#ARGV - 14) / 2
local known, records = {}, {}
for i = 1, count do
  local id = ARGV[13 + 2 * i]
  if ARGV[14 + 2 * i] == '' and redis.call('EXISTS', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'nbq:job:' .. id) == 0 then
    return redis.error_reply('GONE the submission of job ' .. id .. ' was removed on its way: submit it again')
  end
  records[i] = prefix .. 'nbq:job:' .. id
end
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
local base = tonumber(ARGV[3]) * PROCESS_RANK + (99 - tonumber(ARGV[4])) * RANKS_A_PRIORITY
-- what the records of the batch have in common; `more` tells the claiming script that there is more to read
local fields, more = {'state', state, 'queue', queue, 'function', ARGV[9], 'submitted', now}, false
local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
if later then add('due', due) end
if ARGV[10] ~= ARGV[9] then add('label', ARGV[10]) end
if ARGV[4] ~= '0' then add('priority', ARGV[4]) end
if ARGV[7] ~= '0' then add('expires', ARGV[7]) end
if ARGV[8] ~= '1' then add('max_tries', ARGV[8]) end
if ARGV[11] ~= '' then add('group', ARGV[11]) end
if ARGV[12] ~= '' then add('retry_of', ARGV[12]) end
if ARGV[13] ~= '[]' then add('tags', ARGV[13]) end
if ARGV[14] ~= '' then add('hook', ARGV[14]) end
if later or ARGV[7] ~= '0' or ARGV[11] ~= '' then add('more', '1') end
local common = #fields
fields[common + 1] = 'rank'
local replies, fresh = {}, 0
-- written together at the end, a chunk at a time
local texts, scores, owned = {}, {}, {}
local function flush()
  if #scores == 0 then return end
  if #texts > 0 then redis.call('MSET', unpack(texts)) end
  redis.call('ZADD', KEYS[1], unpack(scores))
  if #owned > 0 then redis.call('ZADD', KEYS[5], unpack(owned)) end
  texts, scores, owned = {}, {}, {}
end
for i = 1, count do
  local id, submission, record = ARGV[13 + 2 * i], ARGV[14 + 2 * i], records[i]
  if known[id] or (not all_new and redis.call('EXISTS', record) == 1) then
    replies[i] = 'exists'
    if submission == '' then redis.call('UNLINK', prefix .. 'nbq:parcel:' .. id .. ':0') end
  else
    local rank = base + (sequence + i) % RANKS_A_PRIORITY
    fields[common + 2] = rank
    redis.call('HSET', record, unpack(fields, 1, common + 2))
    if submission == '' then
      redis.call('RENAME', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'arq:job:' .. id)
      redis.call('PERSIST', prefix .. 'arq:job:' .. id)
      redis.call('HSET', record, 'large', '1', 'more', '1')
    else
      texts[#texts + 1], texts[#texts + 2] = prefix .. 'arq:job:' .. id, submission
    end
    scores[#scores + 1], scores[#scores + 2] = later and due or rank, id
    -- of a submitter the last thousand are kept
    if i > count - 1000 then owned[#owned + 1], owned[#owned + 2] = now, id end
    replies[i], fresh, known[id] = state, fresh + 1, true
    if #scores >= 1000 then flush() end
  end
end
flush()
if fresh > 0 then
  redis.call('SADD', KEYS[4], queue)
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1001)
  redis.call('PEXPIRE', KEYS[5], RECORD_MS)
  local tokens = math.min(fresh, TOKENS - tokens_there)
  for _ = 1, tokens do redis.call('LPUSH', KEYS[3], later and 'due' or 'ready') end
  if tokens > 0 then redis.call('PEXPIRE', KEYS[3], TOKEN_MS) end
end
return replies
