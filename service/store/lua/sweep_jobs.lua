-- Compares jobs with their judgments and their places in the queue. Writes nothing.
--
-- KEYS  1 queue  zset  arq job ids
-- ARGV  1 msgpack [[key of the job, prefix of its chunks' results, prefix of its chunks' arq job ids,
--         judgments of the job, of a full chunk]...]
-- Returns for each job {judgments stored, judgments counted, 1 if it has ended else 0, number of each chunk that lacks
-- judgments and is not in the queue, although nothing else will bring it there...}
local function state_of(job, results, arq_ids, total, full)
  local state = redis.call('HMGET', job, 'queued', 'scored', 'unscored', 'failed', 'cancelled', 'finished_at')
  local counted = 0
  for i = 2, 5 do
    counted = counted + tonumber(state[i] or 0)
  end
  local stored, lost, next_lost, is_queued = 0, {}, nil, false
  local queued = tonumber(state[1] or total) -- chunks from this one on follow when earlier ones begin
  for chunk = 0, math.ceil(total / full) - 1 do
    local length = redis.call('HLEN', results .. chunk)
    stored = stored + length
    if length < math.min(full, total - chunk * full) then
      if redis.call('ZSCORE', KEYS[1], arq_ids .. chunk) then
        is_queued = true
      elseif chunk < queued then
        lost[#lost + 1] = chunk
      else
        next_lost = next_lost or chunk
      end
    end
  end
  if not is_queued and #lost == 0 and next_lost then
    lost[1] = next_lost
  end
  return {stored, counted, state[6] and 1 or 0, unpack(lost, 1, math.min(#lost, 1000))}
end

local states = {}
for i, job in ipairs(cmsgpack.unpack(ARGV[1])) do
  states[i] = state_of(unpack(job))
end
return states
