-- Reads the block on a user.
-- KEYS[1]  block on the user
-- Returns  {'blocked', since, until or '', reason or ''}, or {'none'}
local block = load(KEYS[1])
if not block then return { 'none' } end
return { 'blocked', block.s or '', block.e or '', block.r or '' }
