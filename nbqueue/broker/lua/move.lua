#!lua
-- Put waiting jobs into another queue, each with its submission signed for that queue.
-- With: groups, waiting
-- KEYS[1] zset    the queue they go to: arq:queue:<queue>
-- KEYS[2] list    wake-up tokens of that queue: nbq:wake:<queue>
-- KEYS[3] set     known queues: nbq:queues
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    name of that queue
-- ARGV[3..] bytes  per job 3 values: id, name of the queue it is in, sealed submission
-- Returns: per job 1, or 0 where it waits no longer, or not in that queue
local prefix, queue = ARGV[1], ARGV[2]
local replies = {}
if redis.call('SISMEMBER', prefix .. 'nbq:closed', queue) == 1 then
  return redis.error_reply('CLOSED queue "' .. queue .. '" takes no more jobs: Queue("' .. queue .. '").open() lets it, or use another')
end
for at = 3, #ARGV, 3 do
  local id = ARGV[at]
  local record = prefix .. 'nbq:job:' .. id
  local about = read_fields(record, {'state', 'queue', 'key', 'parked', 'rank', 'due', 'stock'})
  local waits = (about.state == 'queued' or about.state == 'scheduled') and about.queue == ARGV[at + 1] and not about.stock
  if waits and about.queue ~= queue then
    local blocked = about.parked == about.queue .. ':blocked'
    if about.parked then unpark(prefix, id, about) else redis.call('ZREM', place_of(prefix, about), id) end
    redis.call('HDEL', record, 'parked', 'key')
    redis.call('HSET', record, 'queue', queue)
    redis.call('SET', prefix .. 'arq:job:' .. id, ARGV[at + 2])
    if blocked then
      park(prefix, id, queue, 'blocked', about.rank, 'blocked')
    else
      if about.parked then redis.call('HDEL', record, 'reason') end
      redis.call('ZADD', KEYS[1], about.state == 'scheduled' and about.due or about.rank, id)
    end
    redis.call('SADD', KEYS[3], queue)
  end
  replies[#replies + 1] = waits and 1 or 0
end
call_workers(KEYS[2])
return replies
