-- Draws the secret of the installation. One that begins now, without a job or a worker of an earlier version, packs what
-- it stores; in any other, processes of an earlier version may have to read it.
--
-- KEYS  1 secret  string
--       2 packed  string  what is stored packed: see packing.py
--       3 jobs, 4 open jobs, 5 workers  zset
-- ARGV  1 a new secret, 2 what this version packs
-- Returns the secret
if redis.call('EXISTS', KEYS[1], KEYS[3], KEYS[4], KEYS[5]) == 0 then
  redis.call('SET', KEYS[2], ARGV[2], 'NX')
end
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
