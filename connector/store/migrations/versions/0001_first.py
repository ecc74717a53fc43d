"""The first schema: procrastinate's own, ours, and what ties the two together.

SQL files run through psycopg as they are: SQLAlchemy would take their colons for parameters.
"""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run procrastinate's schema, then the tables of the product, then the job engine's additions."""
    here = Path(__file__).parent
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(SchemaManager.get_schema())
    for name in ("0001_first.sql", "0001_jobs.sql"):
        connection.execute((here / name).read_text(encoding="utf-8"))
