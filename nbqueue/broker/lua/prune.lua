#!lua flags=allow-oom
-- Forget what a queue's history has beyond its retention, the oldest first: lines, and what is kept of their jobs. What others
-- have to do with stays: jobs that go on or whose results are kept, members of a group that goes on, what ended within the hour.
-- With: past, groups, forget
-- KEYS[1] stream  history of the queue: nbq:history:<queue>
-- KEYS[2] hash    counters of the histories: nbq:histories
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    queue name
-- ARGV[3] int     ms after which an attempt is forgotten
-- ARGV[4] int     attempts that are kept
-- ARGV[5] text    entry after which to look on, or empty for the oldest
-- ARGV[6] int     the most entries to look at
-- ARGV[7] text    "forget", "tell" (only say which entries would be forgotten), or "these" (of those named)
-- ARGV[8..] text  ids of entries, with "these"
-- Returns: {entry looked at last or empty where no others are over, attempts and jobs forgotten, with "tell" {id, records, ...}}
local prefix, queue, oldest_ms, most, mode = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[7]
local now = server_ms()
local total = tonumber(redis.call('HGET', KEYS[2], 'q:' .. queue) or nil) or 0
local named = {}
for i = 8, #ARGV do named[ARGV[i]] = true end

local left = {}
local function goes_on(group)
  -- whether jobs of it have not ended
  if not group or group == '' then return false end
  if left[group] == nil then
    left[group] = (tonumber(read_fields(prefix .. 'nbq:group:' .. group, {'left'}).left) or 0) > 0
  end
  return left[group]
end

local function is_kept(id, job)
  if not job.state then return false end
  if not is_final(job.state) or (tonumber(job.finished) or 0) > now - HOUR_MS then return true end
  -- a stock client may have sent its id anew
  if job.stock and job.key and redis.call('ZSCORE', job.key, id) then return true end
  return goes_on(job.group) or redis.call('EXISTS', prefix .. 'arq:result:' .. id) == 1
end

local function id_in(line)
  local quoted = string.match(line, '^{"job":("[^"\\]*")') or line
  local known, found = pcall(cjson.decode, '[' .. quoted .. ']')
  local id = known and (quoted == line and type(found[1]) == 'table' and found[1].job or found[1])
  return type(id) == 'string' and id or nil
end

local function jobs_of(records)
  -- those whose records are still there; nothing where one of them keeps the entry
  local found = {}
  for line in string.gmatch(records, '[^\n]+') do
    local id = id_in(line)
    local job = id and read_fields(prefix .. 'nbq:job:' .. id, {'state', 'finished', 'group', 'stock', 'key'}) or {}
    if id and is_kept(id, job) then
      -- its record lives as long as its lines
      redis.call('PEXPIRE', prefix .. 'nbq:job:' .. id, 2 * DAY_MS, 'GT')
      return nil
    end
    if job.state then found[id] = job end
  end
  return found
end

local attempts, jobs, over = 0, 0, {}
local function drop(entry, at, members)
  redis.call('XDEL', KEYS[1], entry[1])
  for id, job in pairs(members) do
    -- where a later attempt ended after this one, the record goes with that one's line
    if (tonumber(job.finished) or 0) <= at then
      forget(prefix, id, job.group)
      jobs = jobs + 1
    end
  end
end

local last = ''
local entries = redis.call('XRANGE', KEYS[1], ARGV[5] == '' and '-' or '(' .. ARGV[5], '+', 'COUNT', ARGV[6])
for number, entry in ipairs(entries) do
  local at, to = tonumber(string.match(entry[1], '^%d+')), tonumber(entry[2][4])
  local is_ours = entry[2][1] == 'records' and to
  if is_ours and (at > now - HOUR_MS or (at > now - oldest_ms and to > total - most)) then last = '' break end
  local members = not is_ours and {} or (mode ~= 'these' or named[entry[1]]) and jobs_of(entry[2][2])
  if members and mode == 'tell' then
    if is_ours then over[#over + 1], over[#over + 2] = entry[1], entry[2][2] end
  elseif members then
    if is_ours then attempts = attempts + select(2, string.gsub(entry[2][2], '\n', '')) + 1 end
    drop(entry, at, members)
  end
  last = number == tonumber(ARGV[6]) and entry[1] or ''
end
forget_groups(prefix)
if attempts > 0 and redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1]) end
return {last, attempts, jobs, over}
