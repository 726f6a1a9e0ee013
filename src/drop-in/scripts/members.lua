-- Reads a part of the index of a user. It is a script because a client that reads from replicas would send the command to one.
-- KEYS[1]  index of the user
-- ARGV[1]  where to go on: '0' at first, then what the part before gave
-- ARGV[2]  about how many members to read
-- Returns  {where to go on, or '0' at the end, {session id, score, …}}
return redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
