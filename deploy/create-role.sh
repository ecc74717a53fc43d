#!/bin/bash
# Run once by the postgres image: the product's own role and database. The role is no superuser, because
# row-level security does not bind superusers.
set -euo pipefail
psql --username "${POSTGRES_USER:-postgres}" --set ON_ERROR_STOP=1 \
     --set password="$(cat /run/secrets/database_password)" <<'SQL'
CREATE ROLE tasuki LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE tasuki OWNER tasuki ENCODING 'UTF8' TEMPLATE template0;
SQL
