-- What workers lose while the store is away or refuses writes: leases and heartbeats run out, since nobody can renew them.
--
-- workers  zset  worker id by the end of its heartbeat (seconds)
-- outage   hash  see keys.py, OUTAGE
local OUTAGE_S = 5 -- half of the time that a lease on an arq job lives; workers write every two seconds at least
local GRACE_S = 6 -- in which every worker renews its leases: a try takes 5 s at most, and the next one follows within 1 s

-- Notes that the store takes writes, and an outage that has just ended: those that were alive before it count as alive
-- for a while. To be called first: a store that refuses writes refuses the script here. Returns whether leases that
-- have run out may still be those of live workers.
local function is_after_outage(workers, outage, now)
  local state = redis.call('HMGET', outage, 'seen', 'ended')
  local seen, ended = tonumber(state[1] or now), tonumber(state[2] or 0)
  if now - seen > OUTAGE_S then
    local alive = redis.call('ZRANGEBYSCORE', workers, '(' .. seen, '+inf')
    for _, worker in ipairs(alive) do
      redis.call('ZADD', workers, 'GT', now + GRACE_S, worker)
    end
    if #alive > 0 then
      ended = now
      redis.call('HSET', outage, 'ended', now)
    end
  end
  if not state[1] or seen ~= now then
    redis.call('HSET', outage, 'seen', now)
  end
  return now >= ended and now - ended < GRACE_S
end
