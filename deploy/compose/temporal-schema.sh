#!/bin/sh
# Makes the two databases and brings their schemas up to this server's version. Running it again changes nothing.
set -eu
for database in temporal temporal_visibility; do
  schema=${database#temporal_}
  tool() { temporal-sql-tool --plugin postgres12 --ep postgresql -p 5432 -u "$POSTGRES_USER" --db "$database" "$@"; }
  tool create || echo "database $database is there"
  tool setup-schema -v 0.0 || echo "schema of $database is there"
  tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
