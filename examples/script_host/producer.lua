-- Pins messages and sends their handles to the workers of consumer.lua.

for request in host.next_request do
  local message = host.pin("message", 0)
  host.write(message, host.worker * 1e9 + request)
  -- The consumer unpins the message, unless the channel is closed.
  if not host.send(message) then host.unpin(message) end
end

-- If no consumer runs, messages are left in the channel.
for message in host.receive do
  host.unpin(message)
end
