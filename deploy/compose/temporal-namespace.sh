#!/bin/sh
# Rollouts live in one namespace; its retention is how long closed ones can be read, and `sluice rollback` reads the last promoted one.
set -eu
until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe -n "$NAMESPACE" || temporal operator namespace create -n "$NAMESPACE" --retention 30d
