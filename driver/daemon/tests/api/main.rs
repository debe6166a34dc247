//! The API over real sockets, with an event loop that has no cameras. What belongs where:
//! `routes` every path once, `recordings` theirs, `refusals` whatever is wrong, `streams` events and frames, `life`
//! start and end, `viewfinder` the page, its session and views, `schemas` that the description tells the truth.

mod board;
mod event_loop;
mod life;
mod recordings;
mod refusals;
mod routes;
mod schemas;
mod streams;
mod viewfinder;
