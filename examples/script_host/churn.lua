-- Pins and unpins as fast as it can, with some objects live all the time, and
-- checks that each has the very value that was given to it.

local LIVE = 1000

local handles, values = {}, {}

local function replace(i, value)
  if handles[i] then assert(host.take(handles[i]) == values[i]) end
  handles[i], values[i] = host.pin("object", value), value
end

local function change(i, value)
  assert(host.read(handles[i]) == values[i])
  if value % 2 == 0 then
    host.write(handles[i], value)
  else
    assert(host.exchange(handles[i], value) == values[i])
  end
  values[i] = value
end

for i = 1, LIVE do replace(i, i) end
for request in host.next_request do
  replace(math.random(LIVE), request)
  change(math.random(LIVE), request)
end
for _, handle in ipairs(handles) do
  assert(host.unpin(handle))
end
