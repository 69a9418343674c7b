-- Begins a chunk for the first time or again.
--
-- KEYS  1 job      hash  its record and state
--       2 results  hash  position -> judgment of this chunk
--       3 queue    zset  arq job ids by their turn
--       4 turns    hash  see keys.py, TURNS
--       5 items    string  of this chunk
-- ARGV  1 number of the chunk, 2 now (milliseconds), 3 channel of the job's events, 4 the arq job id of a chunk without
--       its number, 5 number of chunks that are queued ahead, 6 channel that wakes workers
-- Returns nil if there is no such job, else
-- {record, cancelled, nano-dollars spent, tries, calls made for its items before (msgpack) or '', whether it is the
-- first chunk of its job to begin (1 or 0), items or '', positions done...}
local FIRST_TIME = 1e12 -- scores of the queue below are turns, others are times

-- Notes that the chunk has its turn, and queues the next chunk of its job. Does nothing for a chunk that was put off.
local function give_turn(chunk, id, ahead)
  local state = redis.call('HMGET', KEYS[1], 'queued', 'turn', 'chunks', 'line')
  if not state[1] then
    return -- all of its chunks were queued at once, by an earlier version
  end
  local score = tonumber(redis.call('ZSCORE', KEYS[3], id .. chunk) or 0)
  local turn = tonumber(redis.call('HGET', KEYS[4], 'now') or 2)
  if score < FIRST_TIME and score > turn then
    redis.call('HSET', KEYS[4], 'now', score)
    turn = score
  end
  local queued, chunks, line = tonumber(state[1]), tonumber(state[3]), 'jobs:' .. state[4]
  local last = math.min(chunk + 1 + ahead, chunks)
  if queued < last then
    local apart = math.max(tonumber(redis.call('HGET', KEYS[4], line) or 1), 1)
    turn = math.max(turn, tonumber(state[2]))
    for next = queued, last - 1 do
      turn = turn + apart
      redis.call('ZADD', KEYS[3], 'NX', string.format('%.17g', turn), id .. next)
    end
    redis.call('HSET', KEYS[1], 'queued', last, 'turn', string.format('%.17g', turn))
    redis.call('PUBLISH', ARGV[6], id)
  end
  if chunk == chunks - 1 and redis.call('HSETNX', KEYS[1], 'left_line', 1) == 1 then
    redis.call('HINCRBY', KEYS[4], line, -1)
  end
end

local record = redis.call('HGET', KEYS[1], 'record')
if not record then
  return nil
end
local starts = redis.call('HSETNX', KEYS[1], 'started_at', ARGV[2])
if starts == 1 then
  redis.call('PUBLISH', ARGV[3], 'started')
end
give_turn(tonumber(ARGV[1]), ARGV[4], tonumber(ARGV[5]))
local tries = redis.call('HINCRBY', KEYS[1], 'tries:' .. ARGV[1], 1)
local state = redis.call('HMGET', KEYS[1], 'cancel', 'cost_nano', 'tried:' .. ARGV[1])
local items = redis.call('GET', KEYS[5])
local answer = {record, state[1] or '0', state[2] or '0', tries, state[3] or '', starts, items or ''}
for _, position in ipairs(redis.call('HKEYS', KEYS[2])) do
  answer[#answer + 1] = position
end
return answer
