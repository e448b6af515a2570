#!lua
-- Accept jobs: store each submission, put it into its queue, tell followers, wake workers. Known ids change nothing.
-- KEYS[1] zset    the queue: arq:queue:<queue>
-- KEYS[2] string  submission counter: nbq:sequence
-- KEYS[3] stream  events: nbq:events
-- KEYS[4] list    wake-up tokens of the queue: nbq:wake:<queue>
-- KEYS[5] set     known queues: nbq:queues
-- KEYS[6] zset    jobs of the submitter: nbq:owner:<digest>
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
-- ARGV[14..] bytes  per job: id, sealed submission (empty: it was sent ahead to nbq:parcel:<id>:0)
-- Returns: per job its state if it is new, or "exists"
-- Moves: none -> queued, none -> scheduled
local prefix, queue = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = math.max(now + tonumber(ARGV[5]), tonumber(ARGV[6]))
local later = due > now
local state = later and 'scheduled' or 'queued'
local count = (#ARGV - 13) / 2
for i = 1, count do
  local id = ARGV[12 + 2 * i]
  if ARGV[13 + 2 * i] == '' and redis.call('EXISTS', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'nbq:job:' .. id) == 0 then
    return redis.error_reply('GONE the submission of job ' .. id .. ' was removed on its way: submit it again')
  end
end
local sequence = redis.call('INCRBY', KEYS[2], count) - count
local base = tonumber(ARGV[3]) * 400000000000 + (99 - tonumber(ARGV[4])) * 2000000000
local replies, fresh, last = {}, 0, nil
-- written together at the end, a chunk at a time
local texts, scores, owned = {}, {}, {}
local function flush()
  if #scores == 0 then return end
  if #texts > 0 then redis.call('MSET', unpack(texts)) end
  redis.call('ZADD', KEYS[1], unpack(scores))
  redis.call('ZADD', KEYS[6], unpack(owned))
  texts, scores, owned = {}, {}, {}
end
for i = 1, count do
  local id, submission = ARGV[12 + 2 * i], ARGV[13 + 2 * i]
  local record = prefix .. 'nbq:job:' .. id
  if redis.call('EXISTS', record) == 1 then
    replies[i] = 'exists'
    if submission == '' then redis.call('UNLINK', prefix .. 'nbq:parcel:' .. id .. ':0') end
  else
    local rank = base + (sequence + i) % 2000000000
    if submission == '' then
      redis.call('RENAME', prefix .. 'nbq:parcel:' .. id .. ':0', prefix .. 'arq:job:' .. id)
      redis.call('PERSIST', prefix .. 'arq:job:' .. id)
    else
      texts[#texts + 1], texts[#texts + 2] = prefix .. 'arq:job:' .. id, submission
    end
    local fields = {'state', state, 'queue', queue, 'function', ARGV[9], 'rank', string.format('%.0f', rank),
      'submitted', string.format('%.0f', now), 'due', string.format('%.0f', due)}
    if ARGV[10] ~= ARGV[9] then fields[#fields + 1] = 'label'; fields[#fields + 1] = ARGV[10] end
    if ARGV[4] ~= '0' then fields[#fields + 1] = 'priority'; fields[#fields + 1] = ARGV[4] end
    if ARGV[7] ~= '0' then fields[#fields + 1] = 'expires'; fields[#fields + 1] = ARGV[7] end
    if ARGV[8] ~= '1' then fields[#fields + 1] = 'max_tries'; fields[#fields + 1] = ARGV[8] end
    if ARGV[11] ~= '' then fields[#fields + 1] = 'group'; fields[#fields + 1] = ARGV[11] end
    if ARGV[12] ~= '' then fields[#fields + 1] = 'retry_of'; fields[#fields + 1] = ARGV[12] end
    if submission == '' then fields[#fields + 1] = 'large'; fields[#fields + 1] = '1' end
    if ARGV[13] ~= '[]' then fields[#fields + 1] = 'tags'; fields[#fields + 1] = ARGV[13] end
    redis.call('HSET', record, unpack(fields))
    scores[#scores + 1], scores[#scores + 2] = string.format('%.0f', later and due or rank), id
    owned[#owned + 1], owned[#owned + 2] = string.format('%.0f', now), id
    replies[i], fresh, last = state, fresh + 1, id
    if #scores >= 1000 then flush() end
  end
end
flush()
if fresh > 0 then
  redis.call('SADD', KEYS[5], queue)
  redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -1001)
  redis.call('PEXPIRE', KEYS[6], 2592000000)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 5000, '*', 'kind', state, 'jobs', fresh == 1 and last or '', 'count', fresh)
  local tokens = math.min(fresh, 8 - redis.call('LLEN', KEYS[4]))
  for _ = 1, tokens do redis.call('LPUSH', KEYS[4], later and 'due' or 'ready') end
  if tokens > 0 then redis.call('PEXPIRE', KEYS[4], 3600000) end
end
return replies
