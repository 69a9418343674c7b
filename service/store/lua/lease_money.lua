-- Leases a part of a budget to a worker, for the calls that it is about to make.
--
-- KEYS  1 leases   hash            worker id -> '<held> <unstored> <spent>' in nano-dollars: what the worker holds (leased,
--                                  or spent and not yet in `spent`), how much of it calls have spent whose judgments
--                                  nobody stores yet, and `spent` at that time
--       2 workers  zset            worker id by the end of its heartbeat (seconds)
--       3 spent    hash or string  the nano-dollars spent
--       4 outage   hash            see outages.lua
-- ARGV  1 worker id, 2 the budget, 3 the amount that the worker holds, 4 the part of it that is spent and unstored,
--       5 the least amount more that is of use, 6 the amount more that it wants, 7 the field of `spent`, '' for a string,
--       8 an amount spent that belongs to no judgment, 9 seconds that the leases are kept
-- Returns {amount granted, the most that a call could have if all calls under way gave their money back}
local budget, held, unstored = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local least, wanted = tonumber(ARGV[5]), tonumber(ARGV[6])
local field, now = ARGV[7], tonumber(redis.call('TIME')[1])
is_after_outage(KEYS[2], KEYS[4], now) -- workers that could not send their heartbeats keep their money
if tonumber(ARGV[8]) > 0 then
  if field ~= '' and redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('HINCRBY', KEYS[3], field, ARGV[8])
  elseif field == '' then
    redis.call('INCRBY', KEYS[3], ARGV[8])
    redis.call('EXPIRE', KEYS[3], ARGV[9])
  end
end
local spent
if field ~= '' then
  spent = redis.call('HGET', KEYS[3], field)
else
  spent = redis.call('GET', KEYS[3])
end
spent = tonumber(spent or 0)
local others, lost, leases = 0, unstored, redis.call('HGETALL', KEYS[1])
for i = 1, #leases, 2 do
  if leases[i] ~= ARGV[1] then
    if tonumber(redis.call('ZSCORE', KEYS[2], leases[i]) or 0) > now then
      local holds, has_spent, seen = string.match(leases[i + 1], '(%S+) ?(%S*) ?(%S*)')
      others = others + tonumber(holds)
      if tonumber(seen) == spent then -- else some of it may be in `spent` by now
        lost = lost + tonumber(has_spent)
      end
    else
      redis.call('HDEL', KEYS[1], leases[i])
    end
  end
end
local free = math.floor(budget - spent - others - held)
local granted = 0
if free >= least then  -- half of the rest at most, so that other workers have some
  granted = math.min(wanted, math.max(least, math.floor(free / 2)))
end
if held + granted > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f %.0f', held + granted, unstored, spent))
  redis.call('EXPIRE', KEYS[1], ARGV[9])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {string.format('%.0f', granted), string.format('%.0f', budget - spent - lost)}
