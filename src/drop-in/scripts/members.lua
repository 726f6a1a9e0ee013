-- Reads a part of the index of a user. Through a script, because a client that is told to read from replicas would ask one.
-- KEYS[1]  index of the user
-- ARGV[1]  where to go on: '0' at first, then what the part before gave
-- ARGV[2]  about how many members to read
-- Returns  {where to go on, or '0' at the end, {session id, score, …}}
return redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
