-- Does what other scripts do, and changes nothing: fails if the user of the store may not.
--
-- KEYS  1 a key of this service, 2 one of arq
-- ARGV  1 channel
redis.call('PUBLISH', ARGV[1], 'probe')
return redis.call('EXISTS', KEYS[1], KEYS[2])
