#!/bin/sh
# Starts QEMU's guest agent on its port, and then becomes our own: both answer in one guest.
for port in /sys/class/virtio-ports/*; do
    read -r name <"$port/name"
    if [ "$name" = org.qemu.guest_agent.0 ]; then
        /usr/sbin/qemu-ga --method=virtio-serial --path="/dev/${port##*/}" </dev/null &
    fi
done
exec /usr/local/bin/guest-agent-itself
